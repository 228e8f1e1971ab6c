import { type Bytes, named, sha256 } from "./second-crypto.js";

/**
 * The second verifier's decoders, from SPEC.md §3 to §11. Any fault is a plain Error; rules, not
 * re-encoding.
 */

/** Takes bytes from the front; ends by {@link Cursor.done}. */
export class Cursor {
  at = 0;
  constructor(readonly bytes: Bytes) {}

  take(count: number): Bytes {
    if (this.at + count > this.bytes.length) throw new Error("truncated");
    this.at += count;
    return this.bytes.slice(this.at - count, this.at);
  }

  byte(max = 255, min = 0): number {
    const value = this.take(1)[0]!;
    if (value > max || value < min) throw new Error(`byte ${value} outside ${min} to ${max}`);
    return value;
  }

  u32(): number {
    return Buffer.from(this.take(4)).readUInt32BE();
  }

  varint(min: number, max: number): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (shift > 49n) throw new Error("varint too long");
      const byte = this.byte();
      value |= BigInt(byte & 127) << shift;
      if (byte >= 128) continue;
      if (byte === 0 && shift > 0n) throw new Error("varint not shortest");
      if (value < BigInt(min) || value > BigInt(max)) throw new Error("varint out of range");
      return Number(value);
    }
  }

  done(): void {
    if (this.at !== this.bytes.length) throw new Error("trailing");
  }
}

export const MAX = 2 ** 53 - 1;
export const U32 = 2 ** 32 - 1;
export const PAYLOAD_MAX = 10 * 1024 * 1024;

/** Unix seconds from which creation times count. */
export const YEAR_2020 = Date.UTC(2020, 0, 1) / 1000;

/** §5, the first three or four bytes. */
export function headerKind(c: Cursor) {
  const first = c.byte();
  const mode = (first & 12) / 4;
  if (first >> 4 !== 1 || mode === 3) throw new Error("version or mode");
  const flags = c.byte();
  const staticSeal = (flags & 16) > 0;
  if ((flags & 3) === 2 || (staticSeal && mode === 2)) throw new Error("flags contradict");
  if (flags >= 64 && !staticSeal) throw new Error("chunks or context without a static seal");
  const codec = c.byte();
  const context = flags & 128 ? contextUse(c.byte(254)) : null;
  const [clockTrusted, receipt, chunked] = [2, 32, 64].map((flag) => (flags & flag) > 0);
  return { flags, mode, class: first & 3, codec, context, clockTrusted, staticSeal, receipt, chunked };
}

function contextUse(byte: number) {
  const [uses, defines] = [byte >> 4, byte % 16].map((slot) => (slot < 15 ? slot : null));
  return { uses, defines };
}

/** §5 */
export function header(bytes: Bytes) {
  if (bytes.length > 256) throw new Error("header too long");
  const c = new Cursor(bytes);
  const { flags, ...kind } = headerKind(c);
  const read = {
    ...kind,
    destination: c.take(16),
    origin: c.take(32),
    keyEpoch: c.byte(),
    epoch: c.u32(),
    sequence: c.varint(0, MAX),
    createdUnixS: flags & 1 ? YEAR_2020 + c.varint(0, U32) : null,
    lifetimeS: c.varint(3_600, 2_592_000),
    hopMax: c.byte(16),
    ...headerExtras(c, flags),
  };
  const prefixLength = c.at;
  const whole = { ...read, payloadBytes: c.varint(0, PAYLOAD_MAX), payloadRoot: c.take(32), prefixLength };
  c.done();
  return whole;
}

export function headerExtras(c: Cursor, flags: number) {
  return { relays: flags & 8 ? relays(c) : [], ackCommitment: flags & 4 ? c.take(16) : null };
}

function relays(c: Cursor): Bytes[] {
  return Array.from({ length: c.byte(8, 1) }, () => c.take(16));
}

export interface SecondEntry {
  readonly bytes: Bytes;
  readonly signer: Bytes;
  readonly keyEpoch: number;
  readonly next: Bytes;
  /** Canonical varint as received. */
  readonly age: Bytes;
  readonly signature: Bytes;
}

export interface SecondChain {
  readonly elidedCount: number;
  readonly digest: Bytes | null;
  readonly last: Bytes | null;
  readonly entries: readonly SecondEntry[];
}

function entry(c: Cursor): SecondEntry {
  const start = c.at;
  const signer = c.take(32);
  const keyEpoch = c.byte();
  const next = c.take(16);
  const ageAt = c.at;
  c.varint(0, U32);
  const age = c.bytes.slice(ageAt, c.at);
  const signature = c.take(64);
  return { bytes: c.bytes.slice(start, c.at), signer, keyEpoch, next, age, signature };
}

function chain(c: Cursor, elided: boolean, full: boolean): SecondChain {
  const elidedCount = elided ? c.byte(17, 1) : 0;
  const digest = elided ? c.take(16) : null;
  const last = elided && full ? c.take(16) : null;
  const count = full ? c.byte(16, 1) : 0;
  if (elidedCount + count > 17) throw new Error("chain too long");
  return { elidedCount, digest, last, entries: Array.from({ length: count }, () => entry(c)) };
}

/** §6, transit alone. The key record is left undecoded. */
export function transit(bytes: Bytes) {
  if (bytes.length > 2_200) throw new Error("transit too long");
  const c = new Cursor(bytes);
  const hopsUsed = c.byte();
  const ageS = c.varint(0, U32);
  const flags = c.byte(127);
  const relayIndex = flags & 15;
  if (relayIndex > 8) throw new Error("relay index");
  const record = flags & 16 ? c.take(162) : null;
  const read = { hopsUsed, ageS, relayIndex, record, chain: chain(c, (flags & 32) > 0, (flags & 64) > 0) };
  c.done();
  return read;
}

/** §6 */
export function head(bytes: Bytes) {
  if (bytes.length > 2_560) throw new Error("head too long");
  const c = new Cursor(bytes);
  const immutable = c.take(c.varint(1, 256));
  const signature = c.take(64);
  const fields = header(immutable);
  const moving = transit(c.take(bytes.length - c.at));
  if (moving.relayIndex > fields.relays.length) throw new Error("relay index beyond the list");
  return { immutable, signature, header: fields, transit: moving, id: sha256(immutable).slice(0, 16) };
}

/** §7 by recursion: the left subtree holds the largest power of two of leaves below the count. */
export function merkle(payload: Bytes): Bytes {
  const leaves = Math.max(1, Math.ceil(payload.length / 1024));
  if (leaves === 1) return named("leaf", payload);
  let left = 1;
  while (left * 2 < leaves) left *= 2;
  return named("node", merkle(payload.slice(0, left * 1024)), merkle(payload.slice(left * 1024)));
}

/** §11 */
export function note(bytes: Bytes) {
  if (bytes.length > 256) throw new Error("note too long");
  const c = new Cursor(bytes);
  const type = c.byte(4, 1);
  const id = c.take(16);
  if (type < 3) {
    const ack = { kind: "ack" as const, id, stage: type === 1 ? "accepted" : "final", proof: c.take(16) };
    c.done();
    return ack;
  }
  const about = type === 3 ? { message: c.varint(0, 256) } : { messages: bitmap(c) };
  const receipt = {
    kind: type === 3 ? ("receipt" as const) : ("receipts" as const),
    id,
    ...about,
    outcome: c.byte(3),
    reason: c.byte(),
    signer: c.take(32),
    keyEpoch: c.byte(),
    signature: c.take(64),
  };
  c.done();
  return { ...receipt, signedPart: bytes.slice(type === 3 ? 1 : 0, -64) };
}

/** §11.2: as one number, the lowest bit first. */
function bitmap(c: Cursor): number[] {
  const bytes = c.take(c.byte(32, 1));
  if (bytes[bytes.length - 1] === 0) throw new Error("bitmap too long");
  const bits = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  return Array.from({ length: 8 * bytes.length }, (_, i) => i).filter((i) => (bits >> BigInt(i)) % 2n === 1n);
}

const CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/** Remainder of BIP 173's code, one bit at a time over a big integer. */
function remainder(values: readonly number[]): bigint {
  let checksum = 1n;
  const generators = [0x3b6a57b2n, 0x26508e6dn, 0x1ea119fan, 0x3d4233ddn, 0x2a1462b3n];
  for (const value of values) {
    const top = checksum / 2n ** 25n;
    checksum = (checksum % 2n ** 25n) * 32n + BigInt(value);
    for (let i = 0; i < 5; i++) if ((top >> BigInt(i)) % 2n === 1n) checksum ^= generators[i]!;
  }
  return checksum;
}

/** "est", expanded as BIP 173 says. */
const PREFIX = [3, 3, 3, 0, 5, 19, 20];

/** §3, reading a written address. */
export function readAddress(text: string): Bytes {
  if (!/^(est1[a-z0-9]{32}|EST1[A-Z0-9]{32})$/.test(text)) throw new Error("form");
  const values = [...text.toLowerCase().slice(4)].map((character) => CHARSET.indexOf(character));
  if (values.includes(-1)) throw new Error("character");
  if (remainder([...PREFIX, ...values]) !== 0x2bc830a3n) throw new Error("checksum");
  const all = values.slice(0, 26).reduce((sum, value) => sum * 32n + BigInt(value), 0n);
  if (all % 4n !== 0n) throw new Error("padding");
  return Uint8Array.from(Buffer.from((all / 4n).toString(16).padStart(32, "0"), "hex"));
}

/** §3, writing one. */
export function writeAddress(bytes: Bytes): string {
  let all = BigInt(`0x${Buffer.from(bytes).toString("hex")}`) * 4n;
  const data: number[] = [];
  for (let i = 0; i < 26; i++) {
    data.unshift(Number(all % 32n));
    all /= 32n;
  }
  const sum = remainder([...PREFIX, ...data, 0, 0, 0, 0, 0, 0]) ^ 0x2bc830a3n;
  const check = [25n, 20n, 15n, 10n, 5n, 0n].map((shift) => Number((sum >> shift) % 32n));
  return `est1${[...data, ...check].map((value) => CHARSET[value]).join("")}`;
}

/** §3: the first `count` groups of five bits in Crockford's alphabet, by fours. */
export function crockford(bytes: Bytes, count: number): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const text = Array.from(
    { length: count },
    (_, i) => letters[Number.parseInt(bits.slice(5 * i, 5 * i + 5), 2)]!,
  );
  return text.join("").match(/.{4}/g)?.join("-") ?? "";
}
