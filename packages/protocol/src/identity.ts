import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign as signEd25519,
} from "node:crypto";
import { invariant } from "@estafette/contract";
import { addressOf } from "./address.js";
import { concat, domain, fault, toHex } from "./bytes.js";
import { admitSealingKey, admittedKey, verifyStrict } from "./key-gate.js";
import { LIMITS } from "./limits.js";

/** What a signature is for. The prefix keeps one purpose from being taken for another (SPEC.md §2). */
export const PURPOSES = [
  "envelope",
  "hop",
  "ack",
  "receipt",
  "key-record",
  "directory",
  "gossip",
  "admin",
] as const;
export type Purpose = (typeof PURPOSES)[number];

/**
 * The public half of a node in one key epoch. Build it with {@link publicKeysOf} or a verified key
 * record.
 */
export interface PublicKeys {
  /** Ed25519 root key, 32 bytes. Its hash is the address; it never changes. */
  readonly root: Uint8Array;
  /** Key epoch [0…255]; 0 means the root key itself and its X25519 image. */
  readonly epoch: number;
  /** Ed25519, 32 bytes. */
  readonly signing: Uint8Array;
  /** X25519, 32 bytes. */
  readonly sealing: Uint8Array;
}

/** A node that can sign and agree. Secrets stay inside. */
export interface Identity {
  readonly address: Uint8Array;
  readonly keys: PublicKeys;
  /** Ed25519 with the signing key of the epoch over `estafette/v1/<purpose>\0` ‖ parts: 64 bytes. */
  sign(purpose: Purpose, ...parts: Uint8Array[]): Uint8Array;
  /**
   * X25519 with the sealing key of the epoch: 32 bytes.
   * @throws ProtocolError EST_PROTOCOL_KEY when the key is malformed, small or yields all zeros.
   */
  agree(theirSealing: Uint8Array): Uint8Array;
}

/** Secrets of a later key epoch. */
export interface RotatedSecrets {
  /** [1…255]. */
  readonly epoch: number;
  /** 32 random bytes, the RFC 8032 secret. */
  readonly signingSeed: Uint8Array;
  /** 32 random bytes, the RFC 7748 secret. */
  readonly sealingSeed: Uint8Array;
}

/** PKCS #8 wrapping of a raw 32-byte secret (RFC 8410 §7): id-Ed25519 and id-X25519. */
const PKCS8_ED25519 = Uint8Array.from(Buffer.from("302e020100300506032b657004220420", "hex"));
const PKCS8_X25519 = Uint8Array.from(Buffer.from("302e020100300506032b656e04220420", "hex"));

function privateKey(prefix: Uint8Array, secret: Uint8Array): KeyObject {
  invariant(secret.length === 32, "a secret key has 32 bytes");
  return createPrivateKey({ key: Buffer.from(concat(prefix, secret)), format: "der", type: "pkcs8" });
}

function rawPublicOf(secret: KeyObject): Uint8Array {
  const { x } = createPublicKey(secret).export({ format: "jwk" });
  invariant(typeof x === "string", "an OKP key exports x (RFC 8037 §2)");
  return Uint8Array.from(Buffer.from(x, "base64url"));
}

/** The X25519 secret of an Ed25519 seed: first half of its SHA-512, clamped as RFC 8032 §5.1.5 says. */
function montgomerySecretOf(seed: Uint8Array): Uint8Array {
  const half = Uint8Array.from(createHash("sha512").update(seed).digest().subarray(0, 32));
  half[0] = (half[0] ?? 0) & 0xf8;
  half[31] = ((half[31] ?? 0) & 0x7f) | 0x40;
  return half;
}

/** An X25519 key pair from 32 secret bytes. */
export interface AgreementKey {
  readonly publicKey: Uint8Array;
  agree(theirSealing: Uint8Array): Uint8Array;
}

/** X25519 pair of 32 secret bytes (clamping included, RFC 7748 §5); used for ephemeral keys. */
export function agreementKeyOf(secret: Uint8Array): AgreementKey {
  const key = privateKey(PKCS8_X25519, secret);
  return { publicKey: rawPublicOf(key), agree: (theirs) => agreeWith(key, theirs) };
}

function agreeWith(secret: KeyObject, theirSealing: Uint8Array): Uint8Array {
  admitSealingKey(theirSealing);
  const x = Buffer.from(theirSealing).toString("base64url");
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
  let shared: Uint8Array;
  try {
    shared = new Uint8Array(diffieHellman({ privateKey: secret, publicKey }));
  } catch (cause) {
    throw fault("EST_PROTOCOL_KEY", "sealing key yields no shared secret", cause);
  }
  if (shared.every((byte) => byte === 0)) throw fault("EST_PROTOCOL_KEY", "shared secret is all zeros");
  return shared;
}

/**
 * A node from its 32-byte root seed. Without `rotated` it signs with the root key (epoch 0).
 * @throws InvariantError for seeds that are not 32 bytes or an epoch outside [1…255].
 */
export function createIdentity(rootSeed: Uint8Array, rotated?: RotatedSecrets): Identity {
  const rootKey = privateKey(PKCS8_ED25519, rootSeed);
  const root = rawPublicOf(rootKey);
  if (rotated !== undefined) {
    invariant(
      Number.isInteger(rotated.epoch) && rotated.epoch >= 1 && rotated.epoch <= 255,
      "a rotated key epoch lies in 1 to 255",
    );
  }
  const signingKey = rotated ? privateKey(PKCS8_ED25519, rotated.signingSeed) : rootKey;
  const agreement = agreementKeyOf(rotated ? rotated.sealingSeed : montgomerySecretOf(rootSeed));
  const keys: PublicKeys = {
    root,
    epoch: rotated?.epoch ?? 0,
    signing: rotated ? rawPublicOf(signingKey) : root,
    sealing: agreement.publicKey,
  };
  return {
    address: addressOf(root),
    keys,
    sign: (purpose, ...parts) =>
      new Uint8Array(signEd25519(null, concat(domain(purpose), ...parts), signingKey)),
    agree: rememberingSecrets((theirs) => agreement.agree(theirs)),
  };
}

/** Neighbours and gateways are few and met again and again; an agreement costs a tenth of a millisecond. */
function rememberingSecrets(agree: (theirs: Uint8Array) => Uint8Array): (theirs: Uint8Array) => Uint8Array {
  const secrets = new Map<string, Uint8Array>();
  return (theirs) => {
    const name = toHex(theirs);
    const known = secrets.get(name);
    if (known !== undefined) return known.slice();
    const secret = agree(theirs);
    const [oldest] = secrets.keys();
    if (secrets.size >= LIMITS.agreedSecretsMax && oldest !== undefined) secrets.delete(oldest);
    secrets.set(name, secret);
    return secret.slice();
  };
}

/**
 * Keys of epoch 0: the root key and its X25519 image (u = (1+y)/(1−y), RFC 7748 §4.1).
 * @throws ProtocolError EST_PROTOCOL_KEY when the gate refuses the key.
 */
export function publicKeysOf(root: Uint8Array): PublicKeys {
  const { montgomery } = admittedKey(root);
  return { root, epoch: 0, signing: root, sealing: montgomery.slice() };
}

/**
 * Is this the signature of `signingPublic` over `estafette/v1/<purpose>\0` ‖ parts? Cofactorless RFC 8032,
 * behind the key gate; refuses non-canonical or small-order R and S ≥ L. Never throws.
 */
export function verify(
  signingPublic: Uint8Array,
  purpose: Purpose,
  signature: Uint8Array,
  ...parts: Uint8Array[]
): boolean {
  return verifyStrict(signingPublic, concat(domain(purpose), ...parts), signature);
}
