import { type Bytes, equal, named, sha256 } from "./second-crypto.js";

/**
 * The second verifier's decoders, from SPEC.md §3 to §12. Any fault is a plain Error; rules, not
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

const MAX = 2 ** 53 - 1;
const U32 = 2 ** 32 - 1;
const PAYLOAD_MAX = 10 * 1024 * 1024;

/** §5 */
export function header(bytes: Bytes) {
  if (bytes.length > 256) throw new Error("header too long");
  const c = new Cursor(bytes);
  const first = c.byte();
  const mode = (first & 12) / 4;
  if (first >> 4 !== 1 || mode === 3) throw new Error("version or mode");
  const flags = c.byte(63);
  if ((flags & 3) === 2 || (flags & 16 && mode === 2)) throw new Error("flags contradict");
  const read = {
    mode,
    class: first & 3,
    codec: c.byte(),
    destination: c.take(16),
    origin: c.take(32),
    keyEpoch: c.byte(),
    epoch: c.u32(),
    sequence: c.varint(0, MAX),
    createdUnixS: flags & 1 ? Date.UTC(2020, 0, 1) / 1000 + c.varint(0, U32) : null,
    clockTrusted: (flags & 2) > 0,
    staticSeal: (flags & 16) > 0,
    receipt: (flags & 32) > 0,
    lifetimeS: c.varint(3_600, 2_592_000),
    hopMax: c.byte(16),
    relays: flags & 8 ? relays(c) : [],
    ackCommitment: flags & 4 ? c.take(16) : null,
  };
  const prefixLength = c.at;
  const whole = { ...read, payloadBytes: c.varint(0, PAYLOAD_MAX), payloadRoot: c.take(32), prefixLength };
  c.done();
  return whole;
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
function transit(bytes: Bytes) {
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

/** §12 */
export function content(
  bytes: Bytes,
  base: { epoch: number; sequence: number; class: number; lifetimeS: number },
) {
  const c = new Cursor(bytes);
  const count = c.varint(1, 256);
  const messages: ReturnType<typeof message>[] = [];
  let expected = { ...base, from: null as string | null, to: null as string[] | null };
  for (let i = 0; i < count; i++) {
    const read = message(c, expected);
    messages.push(read);
    expected = { ...read, sequence: Math.min(read.sequence + 1, MAX) };
  }
  c.done();
  return messages;
}

type Expected = Parameters<typeof content>[1] & { from: string | null; to: string[] | null };

function message(c: Cursor, expected: Expected) {
  const flags = c.byte();
  const kind = flags & 3;
  if (kind === 3) throw new Error("kind");
  const numbers = flags & 16 ? { epoch: c.u32(), sequence: c.varint(0, MAX) } : expected;
  const classed = flags & 32 ? { class: c.byte(3), lifetimeS: c.varint(3_600, 2_592_000) } : expected;
  const token = flags & 8 ? c.take(16) : null;
  const from = flags & 64 ? expected.from : address(c, 0);
  const to = flags & 128 ? expected.to : Array.from({ length: c.byte(50, 1) }, () => address(c, 1));
  if (from === null || to === null) throw new Error("nothing before");
  if (flags & 16 && numbers.epoch === expected.epoch && numbers.sequence === expected.sequence) {
    throw new Error("numbered without need");
  }
  if (flags & 32 && classed.class === expected.class && classed.lifetimeS === expected.lifetimeS) {
    throw new Error("classed without need");
  }
  if (!(flags & 64) && from === expected.from) throw new Error("sender repeated");
  if (!(flags & 128) && JSON.stringify(to) === JSON.stringify(expected.to))
    throw new Error("recipients repeated");
  const { epoch, sequence } = numbers;
  const { class: messageClass, lifetimeS } = classed;
  const receipt = (flags & 4) > 0;
  const body = c.take(c.varint(0, PAYLOAD_MAX));
  return { epoch, sequence, class: messageClass, lifetimeS, kind, receipt, token, from, to, body };
}

function address(c: Cursor, bytesMin: number): string {
  const bytes = c.take(c.byte(254, bytesMin));
  const text = Buffer.from(bytes).toString("utf8");
  if (!equal(Uint8Array.from(Buffer.from(text, "utf8")), bytes)) throw new Error("not UTF-8");
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 32 || (code >= 127 && code < 160)) throw new Error("control character");
  }
  return text;
}

/** §11 */
export function note(bytes: Bytes) {
  if (bytes.length > 256) throw new Error("note too long");
  const c = new Cursor(bytes);
  const type = c.byte(3, 1);
  const id = c.take(16);
  if (type < 3) {
    const ack = { kind: "ack" as const, id, stage: type === 1 ? "accepted" : "final", proof: c.take(16) };
    c.done();
    return ack;
  }
  const receipt = {
    kind: "receipt" as const,
    id,
    message: c.varint(0, 256),
    outcome: c.byte(3),
    reason: c.byte(),
    signer: c.take(32),
    keyEpoch: c.byte(),
    signature: c.take(64),
  };
  c.done();
  return { ...receipt, signedPart: bytes.slice(1, -64) };
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
