import { invariant, type Rng } from "@estafette/contract";
import { concat, domain } from "./bytes.js";
import { agreementKeyOf, type Identity, type PublicKeys } from "./identity.js";
import { LIMITS } from "./limits.js";
import {
  agreeOrRefuse,
  bindingOf,
  decrypt,
  derive,
  EPHEMERAL_BYTES,
  encrypt,
  farSealingOf,
  infoOf,
  NO_CONTEXT,
  type SealedFor,
  STATIC_SALT_BYTES,
  sealedModeOf,
  TAG_BYTES,
  unwrap,
} from "./seal-key.js";

/*
 *   ephemeral │ 32 public key │ ciphertext │ 16 tag │ = 48 bytes more than the plaintext
 *   static    │  8 salt       │ ciphertext │ 16 tag │ = 24
 *   at rest   │ 16 salt       │ ciphertext │ 16 tag │ = 32
 */

const AT_REST_SALT_BYTES = 16;

/** Bytes a seal adds to its plaintext. */
export const SEAL_OVERHEAD_BYTES = {
  ephemeral: EPHEMERAL_BYTES + TAG_BYTES,
  static: STATIC_SALT_BYTES + TAG_BYTES,
} as const;

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
  /** Bytes both ends remember and the content was compressed with: without them it opens for nobody. Default none. */
  readonly context?: Uint8Array;
}): Uint8Array {
  const { identity, recipient, prefix, plaintext, context = NO_CONTEXT } = request;
  const mode = sealedModeOf(prefix);
  invariant(mode !== null, "a clear-signed envelope is not sealed");
  const overhead = request.staticSeal ? SEAL_OVERHEAD_BYTES.static : SEAL_OVERHEAD_BYTES.ephemeral;
  invariant(plaintext.length + overhead <= LIMITS.payloadBytesMax, "content fits the payload limit");
  const [origin, to] = [identity.keys.root, recipient.root];
  const info = infoOf({ purpose: "seal", mode, origin, recipient: to, prefix, context });
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
 * Opens what {@link seal} made for this identity; a static seal is opened by its origin too. A node with rotated keys
 * tries its identities, newest first.
 * @throws ProtocolError EST_PROTOCOL_SIGNATURE when it does not open: not for us, altered, re-signed by
 * somebody else, sealed with another context, or not sealed at all.
 */
export function openSealed(
  request: SealedFor & { readonly payload: Uint8Array; readonly staticSeal: boolean },
): Uint8Array {
  const { identity, prefix, payload, staticSeal } = request;
  const info = infoOf({ ...bindingOf(request), purpose: "seal" });
  const { salt, sealed } = unwrap(payload, staticSeal ? STATIC_SALT_BYTES : EPHEMERAL_BYTES);
  const secret = agreeOrRefuse(identity, staticSeal ? farSealingOf(request) : salt);
  return decrypt(derive(secret, salt, info), sealed, prefix);
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
