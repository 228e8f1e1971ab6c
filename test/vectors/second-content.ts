import { Cursor, MAX, PAYLOAD_MAX, U32 } from "./second-codec.js";
import { type Bytes, equal, join } from "./second-crypto.js";

/** The second verifier's reading of messages and of what chunks hold, from SPEC.md §8.2 and §12. */

interface Numbers {
  readonly epoch: number;
  readonly sequence: number;
  readonly class: number;
  readonly lifetimeS: number;
}

interface Expected extends Numbers {
  readonly laterS: number;
  readonly from: string | null;
  readonly to: string[] | null;
}

const nothingBefore = (base: Numbers): Expected => ({ ...base, laterS: 0, from: null, to: null });

/** §12 */
export function content(bytes: Bytes, base: Numbers) {
  const c = new Cursor(bytes);
  const count = c.varint(1, 256);
  const messages: ReturnType<typeof message>[] = [];
  for (let i = 0; i < count; i++) messages.push(message(c, following(messages, base)));
  c.done();
  return messages;
}

/** §12.1: pieces in order; one that stands apart begins with a message that repeats nobody. */
export function series(pieces: readonly { readonly apart: boolean; readonly bytes: Bytes }[], base: Numbers) {
  if (pieces.reduce((sum, { bytes }) => sum + bytes.length, 0) > PAYLOAD_MAX)
    throw new Error("content length");
  const messages: ReturnType<typeof message>[] = [];
  const groups: Bytes[][] = [];
  for (const { apart, bytes } of pieces) {
    if (apart || groups.length === 0) groups.push([]);
    groups.at(-1)!.push(bytes);
  }
  const endsAt: number[] = [];
  let groupAt = 0;
  for (const group of groups) {
    const c = new Cursor(join(...group));
    for (let isFirst = true; c.at < c.bytes.length; isFirst = false) {
      const expected = following(messages, base);
      messages.push(message(c, isFirst ? { ...expected, from: null, to: null } : expected));
      endsAt.push(groupAt + c.at);
    }
    groupAt += c.bytes.length;
  }
  if (messages.length < 1 || messages.length > 256) throw new Error("message count");
  requireBlocksWorthTheirWork(pieces, endsAt);
  return messages;
}

/** §8.2: a block more for each message and each 128 bytes that came before it. `endsAt`: where each message ends. */
function requireBlocksWorthTheirWork(
  pieces: readonly { readonly bytes: Bytes }[],
  endsAt: readonly number[],
): void {
  let opened = 0;
  for (const [i, { bytes }] of pieces.entries()) {
    const complete = endsAt.filter((end) => end <= opened).length;
    if (i + 1 > 16 + complete + Math.floor(opened / 128)) throw new Error("blocks without content");
    opened += bytes.length;
  }
}

function following(messages: readonly ReturnType<typeof message>[], base: Numbers): Expected {
  const before = messages.at(-1);
  return before ? { ...before, sequence: Math.min(before.sequence + 1, MAX) } : nothingBefore(base);
}

function message(c: Cursor, expected: Expected) {
  const flags = c.byte();
  const kind = flags & 3;
  if (kind === 3) throw new Error("kind");
  const more = flags & 8 ? c.byte(3, 1) : 0;
  const numbers = flags & 16 ? { epoch: c.u32(), sequence: c.varint(0, MAX) } : expected;
  const classed = flags & 32 ? { class: c.byte(3), lifetimeS: c.varint(3_600, 2_592_000) } : expected;
  const token = more & 1 ? c.take(16) : null;
  const laterS = more & 2 ? c.varint(0, U32) : expected.laterS;
  const from = flags & 64 ? expected.from : address(c, 0);
  const to = flags & 128 ? expected.to : Array.from({ length: c.byte(50, 1) }, () => address(c, 1));
  if (from === null || to === null) throw new Error("nothing before");
  if (flags & 16 && numbers.epoch === expected.epoch && numbers.sequence === expected.sequence) {
    throw new Error("numbered without need");
  }
  if (flags & 32 && classed.class === expected.class && classed.lifetimeS === expected.lifetimeS) {
    throw new Error("classed without need");
  }
  if (more & 2 && laterS === expected.laterS) throw new Error("later without need");
  if (!(flags & 64) && from === expected.from) throw new Error("sender repeated");
  if (!(flags & 128) && JSON.stringify(to) === JSON.stringify(expected.to))
    throw new Error("recipients repeated");
  const { epoch, sequence } = numbers;
  const { class: messageClass, lifetimeS } = classed;
  const receipt = (flags & 4) > 0;
  const body = c.take(c.varint(0, PAYLOAD_MAX));
  return { epoch, sequence, class: messageClass, lifetimeS, kind, receipt, token, laterS, from, to, body };
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

/** §8.2, an opened chunk. */
export function blocks(bytes: Bytes) {
  const c = new Cursor(bytes);
  const read: { codec: number; apart: boolean; bytes: Bytes }[] = [];
  for (let followed = true; followed; ) {
    if (read.length === 256) throw new Error("too many blocks");
    const form = c.byte();
    followed = Math.floor(form / 32) % 2 === 1;
    const length = followed ? c.varint(0, MAX) : bytes.length - c.at;
    const codec = (form % 32) + (form >= 128 ? 128 : 0);
    read.push({ codec, apart: Math.floor(form / 64) % 2 === 1, bytes: c.take(length) });
  }
  return read;
}

/** §8.4 */
export function greeting(bytes: Bytes) {
  if (bytes.length === 0) return { edition: 1, drainBytesPerS: null, held: null };
  const c = new Cursor(bytes);
  const first = c.byte(191);
  const drain = c.varint(0, U32);
  const templatesDigest = first >= 128 ? c.byte() * 256 + c.byte() : 0;
  const contextsMask = first >= 128 ? c.byte() * 256 + c.byte() : 0;
  if (first >= 128 && templatesDigest + contextsMask === 0) throw new Error("nothing, told at length");
  c.done();
  const held = first >= 64 ? { templatesDigest, contextsMask } : null;
  return { edition: first % 64, drainBytesPerS: drain === 0 ? null : drain, held };
}
