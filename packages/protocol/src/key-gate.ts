import { createPublicKey, type KeyObject, verify as verifyEd25519 } from "node:crypto";
import { Point } from "@noble/ed25519";
import { fault, toHex } from "./bytes.js";
import { LIMITS } from "./limits.js";
import { RecentMap } from "./recent-map.js";

/*
 *   public key ──► gate (canonical, on the curve, prime order) ──► KeyObject ──► node:crypto verify
 *   signature  ──► R canonical, R not small, S < L ───────────────────────────┘
 *
 * OpenSSL as linked by Node 20 verifies forgeries under small-order keys, so no key reaches it ungated.
 */

/** The field prime 2²⁵⁵−19 (RFC 7748 §4.1). */
const P = (1n << 255n) - 19n;
/** Order of the base point (RFC 8032 §5.1). */
const L = (1n << 252n) + 27742317777372353535851937790883648493n;
/**
 * y of the points of order 8, up to sign. Derived: roots of d·y⁴ + 2·y² − 1 on the curve of RFC 8032
 * §5.1.
 */
const Y_ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7n;
/** y of all eight points of small order; both signs of x share one y. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, Y_ORDER_8, P - Y_ORDER_8]);
/** u of all X25519 points of small order, on the curve and its twist (RFC 7748 §6.1, §7; Montgomery form). */
const SMALL_ORDER_U: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
]);

/** What is remembered of a key that passed. */
export interface AdmittedKey {
  readonly keyObject: KeyObject;
  /** The same point on the Montgomery curve: X25519 public key, 32 bytes. */
  readonly montgomery: Uint8Array;
}

const verdicts = new RecentMap<AdmittedKey | { readonly refused: string }>(LIMITS.keyCacheEntries);

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}

function toLittleEndian32(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  let rest = value;
  for (let i = 0; i < 32; i++) {
    bytes[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

/** The y coordinate of an encoded Edwards point, with the sign of x masked off. */
function yOf(encoded: Uint8Array): bigint {
  return littleEndian(encoded) & ((1n << 255n) - 1n);
}

function inverse(value: bigint): bigint {
  let result = 1n;
  let base = value % P;
  for (let exponent = P - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % P;
    base = (base * base) % P;
  }
  return result;
}

/** u = (1 + y) / (1 − y), RFC 7748 §4.1. */
function montgomeryOf(y: bigint): Uint8Array {
  return toLittleEndian32(((1n + y) * inverse((1n - y + P) % P)) % P);
}

function examine(key: Uint8Array): AdmittedKey | { readonly refused: string } {
  const y = yOf(key);
  if (y >= P) return { refused: "its y coordinate is not canonical" };
  if (SMALL_ORDER_Y.has(y)) return { refused: "it is a point of small order" };
  try {
    if (!Point.fromBytes(key, false).isTorsionFree()) return { refused: "it has a small-order component" };
  } catch {
    return { refused: "it is not a point of the curve" };
  }
  const x = Buffer.from(key).toString("base64url");
  const keyObject = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return { keyObject, montgomery: montgomeryOf(y) };
}

function verdictOn(key: Uint8Array): AdmittedKey | { readonly refused: string } {
  if (key.length !== 32) return { refused: `it has ${key.length} bytes, expected 32` };
  const name = toHex(key);
  const known = verdicts.get(name);
  if (known !== undefined) return known;
  const verdict = examine(key);
  verdicts.set(name, verdict);
  return verdict;
}

/** Like {@link admitKey}, with what the gate computed on the way. Same errors. */
export function admittedKey(ed25519Public: Uint8Array): AdmittedKey {
  const verdict = verdictOn(ed25519Public);
  if ("refused" in verdict) throw fault("EST_PROTOCOL_KEY", `signing key refused: ${verdict.refused}`);
  return verdict;
}

/**
 * The key gate: lets an Ed25519 public key in, or throws. A key passes when its encoding is canonical
 * (y < 2²⁵⁵−19), it lies on the curve and it generates the prime-order group (not small, no torsion).
 * Verdicts are cached, at most {@link LIMITS.keyCacheEntries}.
 * @throws ProtocolError EST_PROTOCOL_KEY naming the reason.
 */
export function admitKey(ed25519Public: Uint8Array): void {
  admittedKey(ed25519Public);
}

/**
 * The gate for X25519 public keys: 32 bytes, u canonical (< 2²⁵⁵−19, top bit clear), not of small order.
 * @throws ProtocolError EST_PROTOCOL_KEY.
 */
export function admitSealingKey(x25519Public: Uint8Array): void {
  if (x25519Public.length !== 32) {
    throw fault("EST_PROTOCOL_KEY", `sealing key has ${x25519Public.length} bytes, expected 32`);
  }
  const u = littleEndian(x25519Public);
  if (u >= P) throw fault("EST_PROTOCOL_KEY", "sealing key is not canonical");
  if (SMALL_ORDER_U.has(u)) throw fault("EST_PROTOCOL_KEY", "sealing key is a point of small order");
}

/**
 * Cofactorless RFC 8032 §5.1.7 over `message` as it is. False for a key the gate refuses, a signature that
 * is not 64 bytes, a non-canonical or small-order R, and S ≥ L. Never throws.
 */
export function verifyStrict(ed25519Public: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const y = yOf(signature.subarray(0, 32));
  if (y >= P || SMALL_ORDER_Y.has(y)) return false;
  if (littleEndian(signature.subarray(32)) >= L) return false;
  const verdict = verdictOn(ed25519Public);
  if ("refused" in verdict) return false;
  return verifyEd25519(null, message, verdict.keyObject, signature);
}
