import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from "node:crypto";
import { getPublicKey, hashes, Point } from "@noble/ed25519";

/*
 * The second verifier: written from packages/protocol/SPEC.md, sharing no code with that package. Curve
 * arithmetic by @noble/ed25519, the rest by hand or by node:crypto, other calls than the package uses
 * where possible.
 */

hashes.sha512 = (message) => new Uint8Array(createHash("sha512").update(message).digest());

export type Bytes = Uint8Array;

const PRIME = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

export const hex = (bytes: Bytes) => Buffer.from(bytes).toString("hex");
export const unhex = (text: string): Bytes => Uint8Array.from(Buffer.from(text, "hex"));
const ascii = (text: string): Bytes => Uint8Array.from(Buffer.from(text, "latin1"));
export const join = (...parts: Bytes[]): Bytes => Uint8Array.from(Buffer.concat(parts));
export const equal = (a: Bytes, b: Bytes) => Buffer.compare(a, b) === 0;

export function sha256(...parts: Bytes[]): Bytes {
  return Uint8Array.from(
    createHash("sha256")
      .update(join(...parts))
      .digest(),
  );
}

/** §2: hash under a name. */
export function named(name: string, ...parts: Bytes[]): Bytes {
  return sha256(ascii(`estafette/v1/${name}\0`), ...parts);
}

function number(littleEndian: Bytes): bigint {
  return BigInt(`0x${hex(littleEndian.slice().reverse()) || "0"}`);
}

function bytes32(value: bigint): Bytes {
  return unhex(value.toString(16).padStart(64, "0")).reverse();
}

function power(base: bigint, exponent: bigint): bigint {
  if (exponent === 0n) return 1n;
  const half = power(base, exponent / 2n);
  const square = (half * half) % PRIME;
  return exponent % 2n === 0n ? square : (square * base) % PRIME;
}

/** §4.1 for Ed25519: the point, or an error. Whole-group arithmetic instead of a list of bad points. */
export function admittedPoint(key: Bytes): Point {
  if (key.length !== 32) throw new Error("key length");
  const point = Point.fromBytes(key, false);
  if (!equal(point.toBytes(), key)) throw new Error("key not canonical");
  if (point.multiply(8n, false).is0()) throw new Error("key of small order");
  if (
    !point
      .multiply(ORDER - 1n, false)
      .add(point)
      .is0()
  )
    throw new Error("key with torsion");
  return point;
}

/** §4: sealing key of epoch 0. */
export function montgomery(key: Bytes): Bytes {
  const { y } = admittedPoint(key).toAffine();
  return bytes32((((1n + y) % PRIME) * power((1n - y + PRIME) % PRIME, PRIME - 2n)) % PRIME);
}

/** §4.2: S·B − k·A must encode to R. */
export function verifies(key: Bytes, purpose: string, message: Bytes, signature: Bytes): boolean {
  try {
    const A = admittedPoint(key);
    if (signature.length !== 64) return false;
    const R = signature.slice(0, 32);
    const S = number(signature.slice(32));
    if (S >= ORDER) return false;
    if (Point.fromBytes(R, false).multiply(8n, false).is0()) return false;
    const signed = join(ascii(`estafette/v1/${purpose}\0`), message);
    const k =
      number(
        Uint8Array.from(
          createHash("sha512")
            .update(join(R, key, signed))
            .digest(),
        ),
      ) % ORDER;
    const expected = Point.BASE.multiply(S, false).add(A.multiply(k, false).negate());
    return equal(expected.toBytes(), R);
  } catch {
    return false;
  }
}

/**
 * §4.1 for X25519: a small-order u is one whose multiple by the cofactor is nothing, so every secret
 * is zero.
 */
export function admitU(key: Bytes): void {
  if (key.length !== 32 || number(key) >= PRIME) throw new Error("sealing key not canonical");
  for (const probe of [1, 2]) {
    const shared = rawAgree(sha256(Uint8Array.of(probe)), key);
    if (shared.every((byte) => byte === 0)) throw new Error("sealing key of small order");
  }
}

/** RFC 7748 through node:crypto, keys given as DER. */
function rawAgree(secret: Bytes, theirs: Bytes): Bytes {
  const der = (prefix: string, key: Bytes) => Buffer.concat([Buffer.from(prefix, "hex"), key]);
  const privateKey = createPrivateKey({
    key: der("302e020100300506032b656e04220420", secret),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey({
    key: der("302a300506032b656e032100", theirs),
    format: "der",
    type: "spki",
  });
  return Uint8Array.from(diffieHellman({ privateKey, publicKey }));
}

export function rootOf(seed: Bytes): Bytes {
  return Uint8Array.from(getPublicKey(seed));
}

/** X25519 with the epoch-0 sealing secret of a root seed. */
export function agree(seed: Bytes, theirs: Bytes): Bytes {
  admitU(theirs);
  const secret = Uint8Array.from(createHash("sha512").update(seed).digest().subarray(0, 32));
  return rawAgree(secret, theirs);
}

/** RFC 5869 by hand, 44 bytes: two blocks. */
function hkdf44(secret: Bytes, salt: Bytes, info: Bytes): Bytes {
  const prk = createHmac("sha256", salt).update(secret).digest();
  const first = createHmac("sha256", prk)
    .update(join(info, Uint8Array.of(1)))
    .digest();
  const second = createHmac("sha256", prk)
    .update(join(first, info, Uint8Array.of(2)))
    .digest();
  return join(first, second).slice(0, 44);
}

interface Sealed {
  readonly seed: Bytes;
  readonly originRoot: Bytes;
  readonly prefix: Bytes;
  readonly payload: Bytes;
  /** What both ends remember; empty: nothing. */
  readonly context: Bytes;
  /** For whom it was sealed, where the origin opens its own. */
  readonly recipientRoot: Bytes | null;
}

/** §8: 32 bytes of key, 12 of nonce. */
function material(sealed: Sealed, purpose: string, salt: Bytes, theirs: Bytes): Bytes {
  const { seed, originRoot, prefix, context, recipientRoot } = sealed;
  const mode = ((prefix[0] ?? 0) & 12) / 4;
  if (mode > 1) throw new Error("no seal in this mode");
  const about = join(Uint8Array.of(mode), originRoot, recipientRoot ?? rootOf(seed), sha256(prefix));
  const remembered = context.length > 0 ? sha256(context) : context;
  const info = join(ascii(`estafette/v1/${purpose}\0`), about, remembered);
  return hkdf44(agree(seed, theirs), salt, info);
}

function decipher(key: Bytes, nonce: Bytes, prefix: Bytes, sealed: Bytes): Bytes {
  if (sealed.length < 16) throw new Error("too short");
  const opening = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  const body = sealed.slice(0, -16);
  opening.setAAD(prefix, { plaintextLength: body.length });
  opening.setAuthTag(sealed.slice(-16));
  return Uint8Array.from(Buffer.concat([opening.update(body), opening.final()]));
}

/** §8: opens a payload for the node with this root seed. */
export function open(sealed: Sealed & { readonly staticSeal: boolean }): Bytes {
  const { originRoot, recipientRoot, payload, prefix, staticSeal } = sealed;
  const salt = payload.slice(0, staticSeal ? 8 : 32);
  const theirs = staticSeal ? montgomery(recipientRoot ?? originRoot) : salt;
  const both = material(sealed, "seal", salt, theirs);
  return decipher(both.slice(0, 32), both.slice(32), prefix, payload.slice(salt.length));
}

/** §8.2: what can be opened of a payload of `payloadBytes` bytes, of which the beginning is here. */
export function openChunks(sealed: Sealed & { readonly payloadBytes: number }): Bytes[] {
  const { originRoot, recipientRoot, payload, prefix, payloadBytes } = sealed;
  const both = material(sealed, "seal-chunks", payload.slice(0, 8), montgomery(recipientRoot ?? originRoot));
  const opened: Bytes[] = [];
  for (let at = 8; at < payload.length; ) {
    const length = lengthAt(payload, at, payloadBytes);
    if (length === null) break;
    const end = length.end + length.value;
    if (length.value < 16 || end > payloadBytes) throw new Error("chunk length");
    if (end > payload.length) break;
    const nonce = Buffer.alloc(12, both.slice(32, 39));
    nonce.writeUInt32BE(opened.length, 7);
    nonce[11] = end === payloadBytes ? 1 : 0;
    opened.push(decipher(both.slice(0, 32), nonce, prefix, payload.slice(length.end, end)));
    at = end;
  }
  return opened;
}

/** A varint of at most four bytes; null: not all of it is here yet. */
function lengthAt(payload: Bytes, at: number, payloadBytes: number): { value: number; end: number } | null {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = payload[at + i];
    if (byte === undefined && payload.length < payloadBytes) return null;
    if (byte === undefined) throw new Error("cut in a length");
    value += (byte % 128) * 128 ** i;
    if (byte >= 128) continue;
    if (byte === 0 && i > 0) throw new Error("length not shortest");
    return { value, end: at + i + 1 };
  }
  throw new Error("length too long");
}
