import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { invariant, type Rng } from "@estafette/contract";
import { concat, domain, fault, requireLength, sha256 } from "./bytes.js";
import { agreementKeyOf, type Identity, type PublicKeys } from "./identity.js";
import { LIMITS } from "./limits.js";

/*
 *   secret ──X25519──► HKDF-SHA256 ──► key (32) ‖ nonce (12) ──► ChaCha20-Poly1305, header prefix as AAD
 *   salt: ephemeral public key, or 8 random bytes           info: mode, both root keys, hash of the prefix
 *
 *   ephemeral │ 32 public key │ ciphertext │ 16 tag │ = 48 bytes more than the plaintext
 *   static    │  8 salt       │ ciphertext │ 16 tag │ = 24
 *   at rest   │ 16 salt       │ ciphertext │ 16 tag │ = 32
 */

const TAG_BYTES = 16;
const EPHEMERAL_BYTES = 32;
const STATIC_SALT_BYTES = 8;
const AT_REST_SALT_BYTES = 16;

/** Bytes a seal adds to its plaintext. */
export const SEAL_OVERHEAD_BYTES = {
  ephemeral: EPHEMERAL_BYTES + TAG_BYTES,
  static: STATIC_SALT_BYTES + TAG_BYTES,
} as const;

interface KeyAndNonce {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

function derive(secret: Uint8Array, salt: Uint8Array, info: Uint8Array): KeyAndNonce {
  const material = new Uint8Array(hkdfSync("sha256", secret, salt, info, 44));
  return { key: material.subarray(0, 32), nonce: material.subarray(32) };
}

/** Mode as on the wire: 0 end-to-end, 1 exit. Anything else has no seal. */
function sealedModeOf(prefix: Uint8Array): number | null {
  const mode = ((prefix[0] ?? 0xff) >>> 2) & 3;
  return mode <= 1 ? mode : null;
}

function infoOf(mode: number, origin: Uint8Array, recipient: Uint8Array, prefix: Uint8Array): Uint8Array {
  requireLength(origin, 32, "origin key");
  requireLength(recipient, 32, "recipient key");
  return concat(domain("seal"), Uint8Array.of(mode), origin, recipient, sha256(prefix));
}

function encrypt(derived: KeyAndNonce, plaintext: Uint8Array, associated: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", derived.key, derived.nonce, {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(associated, { plaintextLength: plaintext.length });
  const body = cipher.update(plaintext);
  return concat(body, cipher.final(), cipher.getAuthTag());
}

function decrypt(derived: KeyAndNonce, sealed: Uint8Array, associated: Uint8Array): Uint8Array {
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
function unwrap(payload: Uint8Array, saltBytes: number): { salt: Uint8Array; sealed: Uint8Array } {
  if (payload.length < saltBytes + TAG_BYTES) {
    throw fault("EST_PROTOCOL_SIGNATURE", `${payload.length} bytes are too few for a seal`);
  }
  return { salt: payload.subarray(0, saltBytes), sealed: payload.subarray(saltBytes) };
}

/**
 * Seals content for one node: the payload of an END-TO-END or EXIT envelope.
 * @param prefix {@link encodeHeaderPrefix} of the envelope to be; its mode and both root keys are bound in.
 * @throws InvariantError for a clear-signed prefix or content over the payload limit; ProtocolError
 * EST_PROTOCOL_KEY when the recipient's sealing key is not usable.
 */
export function seal(request: {
  readonly identity: Identity;
  readonly recipient: PublicKeys;
  readonly prefix: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly staticSeal: boolean;
  readonly rng: Rng;
}): Uint8Array {
  const { identity, recipient, prefix, plaintext } = request;
  const mode = sealedModeOf(prefix);
  invariant(mode !== null, "a clear-signed envelope is not sealed");
  const overhead = request.staticSeal ? SEAL_OVERHEAD_BYTES.static : SEAL_OVERHEAD_BYTES.ephemeral;
  invariant(plaintext.length + overhead <= LIMITS.payloadBytesMax, "content fits the payload limit");
  const info = infoOf(mode, identity.keys.root, recipient.root, prefix);
  if (request.staticSeal) {
    const salt = request.rng.bytes(STATIC_SALT_BYTES);
    const derived = derive(identity.agree(recipient.sealing), salt, info);
    return concat(salt, encrypt(derived, plaintext, prefix));
  }
  const ephemeral = agreementKeyOf(request.rng.bytes(32));
  const derived = derive(ephemeral.agree(recipient.sealing), ephemeral.publicKey, info);
  return concat(ephemeral.publicKey, encrypt(derived, plaintext, prefix));
}

/**
 * Opens what {@link seal} made for this identity. A node with rotated keys tries its identities,
 * newest first.
 * @throws ProtocolError EST_PROTOCOL_SIGNATURE when it does not open: not for us, altered, re-signed by
 * somebody else, or not sealed at all.
 */
export function openSealed(request: {
  readonly identity: Identity;
  readonly origin: PublicKeys;
  readonly prefix: Uint8Array;
  readonly payload: Uint8Array;
  readonly staticSeal: boolean;
}): Uint8Array {
  const { identity, origin, prefix, payload } = request;
  const mode = sealedModeOf(prefix);
  if (mode === null) throw fault("EST_PROTOCOL_SIGNATURE", "a clear-signed envelope has no seal to open");
  const saltBytes = request.staticSeal ? STATIC_SALT_BYTES : EPHEMERAL_BYTES;
  const { salt, sealed } = unwrap(payload, saltBytes);
  const info = infoOf(mode, origin.root, identity.keys.root, prefix);
  const secret = agreeOrRefuse(identity, request.staticSeal ? origin.sealing : salt);
  return decrypt(derive(secret, salt, info), sealed, prefix);
}

/** A weak ephemeral key is one more way in which a seal does not open. */
function agreeOrRefuse(identity: Identity, theirs: Uint8Array): Uint8Array {
  try {
    return identity.agree(theirs);
  } catch (cause) {
    throw fault("EST_PROTOCOL_SIGNATURE", "the seal does not open: its key is not usable", cause);
  }
}

/**
 * Encrypts one record for this node's own disk; each record has its own key from 16 random bytes.
 * @param context What the record is and where it belongs; must be the same when opened.
 */
export function sealAtRest(
  key: Uint8Array,
  plaintext: Uint8Array,
  rng: Rng,
  context: Uint8Array,
): Uint8Array {
  invariant(key.length === 32, "an at-rest key has 32 bytes");
  invariant(plaintext.length <= LIMITS.atRestBytesMax, "a record at rest is bounded");
  const salt = rng.bytes(AT_REST_SALT_BYTES);
  return concat(salt, encrypt(derive(key, salt, domain("at-rest")), plaintext, context));
}

/**
 * Opens what {@link sealAtRest} made.
 * @throws ProtocolError EST_PROTOCOL_SIGNATURE when key or context differ or the record was altered.
 */
export function openAtRest(key: Uint8Array, record: Uint8Array, context: Uint8Array): Uint8Array {
  invariant(key.length === 32, "an at-rest key has 32 bytes");
  const { salt, sealed } = unwrap(record, AT_REST_SALT_BYTES);
  return decrypt(derive(key, salt, domain("at-rest")), sealed, context);
}
