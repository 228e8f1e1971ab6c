import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { concat, domain, fault, requireLength, sha256 } from "./bytes.js";
import type { Identity, PublicKeys } from "./identity.js";

/*
 *   secret ──X25519──► HKDF-SHA256 ──► key (32) ‖ nonce (12) ──► ChaCha20-Poly1305, header prefix as AAD
 *   salt: ephemeral public key, or 8 random bytes     info: purpose, mode, both root keys, hash of the prefix, context
 */

export const TAG_BYTES = 16;
export const EPHEMERAL_BYTES = 32;
export const STATIC_SALT_BYTES = 8;
export const NO_CONTEXT = new Uint8Array(0);

/** Who opens what, as {@link openSealed} and the chunk opener take it. */
export interface SealedFor {
  readonly identity: Identity;
  readonly origin: PublicKeys;
  /** The node it was sealed for. Default: this identity; another one when an origin opens what it sealed itself. */
  readonly recipient?: PublicKeys;
  readonly prefix: Uint8Array;
  /** As in {@link seal}. Default none. */
  readonly context?: Uint8Array;
}

export interface KeyAndNonce {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

export function derive(secret: Uint8Array, salt: Uint8Array, info: Uint8Array): KeyAndNonce {
  const material = new Uint8Array(hkdfSync("sha256", secret, salt, info, 44));
  return { key: material.subarray(0, 32), nonce: material.subarray(32) };
}

/** Mode as on the wire: 0 end-to-end, 1 exit. Anything else has no seal. */
export function sealedModeOf(prefix: Uint8Array): number | null {
  const mode = ((prefix[0] ?? 0xff) >>> 2) & 3;
  return mode <= 1 ? mode : null;
}

/** What a seal is bound to, besides the secret. */
export interface Binding {
  /** `seal`, or `seal-chunks` for a row of chunks. */
  readonly purpose: "seal" | "seal-chunks";
  readonly mode: number;
  readonly origin: Uint8Array;
  readonly recipient: Uint8Array;
  readonly prefix: Uint8Array;
  /** What both ends remember and the content refers to; empty: nothing. */
  readonly context: Uint8Array;
}

export function infoOf({ purpose, mode, origin, recipient, prefix, context }: Binding): Uint8Array {
  requireLength(origin, 32, "origin key");
  requireLength(recipient, 32, "recipient key");
  const remembered = context.length === 0 ? context : sha256(context);
  return concat(domain(purpose), Uint8Array.of(mode), origin, recipient, sha256(prefix), remembered);
}

export function encrypt(derived: KeyAndNonce, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", derived.key, derived.nonce, {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  const body = cipher.update(plaintext);
  return concat(body, cipher.final(), cipher.getAuthTag());
}

export function decrypt(derived: KeyAndNonce, sealed: Uint8Array, associated: Uint8Array): Uint8Array {
  const bodyLength = sealed.length - TAG_BYTES;
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv("chacha20-poly1305", derived.key, derived.nonce, options);
  decipher.setAAD(associated, { plaintextLength: bodyLength });
  decipher.setAuthTag(sealed.subarray(bodyLength));
  const body = decipher.update(sealed.subarray(0, bodyLength));
  try {
    decipher.final();
  } catch (cause) {
    throw fault("EST_PROTOCOL_SIGNATURE", "the seal does not open: wrong key or altered bytes", cause);
  }
  return new Uint8Array(body);
}

/** Splits salt from ciphertext and tag. */
export function unwrap(payload: Uint8Array, saltBytes: number): { salt: Uint8Array; sealed: Uint8Array } {
  if (payload.length < saltBytes + TAG_BYTES) {
    throw fault("EST_PROTOCOL_SIGNATURE", `${payload.length} bytes are too few for a seal`);
  }
  return { salt: payload.subarray(0, saltBytes), sealed: payload.subarray(saltBytes) };
}

export function bindingOf({
  identity,
  origin,
  recipient,
  prefix,
  context = NO_CONTEXT,
}: SealedFor): Omit<Binding, "purpose"> {
  const mode = sealedModeOf(prefix);
  if (mode === null) throw fault("EST_PROTOCOL_SIGNATURE", "a clear-signed envelope has no seal to open");
  return { mode, origin: origin.root, recipient: (recipient ?? identity.keys).root, prefix, context };
}

/** The other end's key of a static seal, seen from either end. */
export function farSealingOf({ origin, recipient }: SealedFor): Uint8Array {
  return (recipient ?? origin).sealing;
}

/** A weak ephemeral key is one more way in which a seal does not open. */
export function agreeOrRefuse(identity: Identity, theirs: Uint8Array): Uint8Array {
  try {
    return identity.agree(theirs);
  } catch (cause) {
    throw fault("EST_PROTOCOL_SIGNATURE", "the seal does not open: its key is not usable", cause);
  }
}
