import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, toHex, utf8 } from "./bytes.js";
import type { ContentBase, ContentMessage } from "./content.js";
import { LIMITS } from "./limits.js";
import { codeOf, seedOf } from "./samples.js";
import { SeriesReader, SeriesWriter } from "./series.js";

const base: ContentBase = { epoch: 7, sequence: 40, class: "normal", lifetimeS: 86_400 };
const first: ContentMessage = {
  ...base,
  kind: "text",
  receipt: false,
  token: null,
  laterS: 0,
  from: "ada@ship.example",
  to: ["ben@shore.example"],
  body: utf8("all well"),
};

interface Part {
  readonly message: ContentMessage;
  readonly apart: boolean;
}

const anyPart: fc.Arbitrary<Part> = fc.record({
  message: fc.record({
    epoch: fc.constantFrom(7, 8),
    sequence: fc.integer({ min: 39, max: 44 }),
    class: fc.constantFrom("normal", "bulk"),
    lifetimeS: fc.constantFrom(86_400, 2_592_000),
    kind: fc.constantFrom("mail", "text", "notice"),
    receipt: fc.boolean(),
    token: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 })),
    laterS: fc.constantFrom(0, 60, 0xffff_ffff),
    from: fc.constantFrom("", "a@b", "c@d"),
    to: fc.constantFrom(["x@y"], ["x@y", "z@y"]),
    body: fc.uint8Array({ maxLength: 200 }),
  }),
  apart: fc.boolean(),
});

/** Each message's bytes; where one stands apart the reader is told before it. */
function written(parts: readonly Part[]): Uint8Array[] {
  const writer = new SeriesWriter(base);
  return parts.map(({ message, apart }) => writer.add(message, apart));
}

function read(parts: readonly Part[], rows: readonly Uint8Array[], stepBytes: number): ContentMessage[] {
  const reader = new SeriesReader(base);
  const messages: ContentMessage[] = [];
  for (const [i, row] of rows.entries()) {
    reader.beginBlock(parts[i]?.apart === true);
    for (let at = 0; at < row.length; at += stepBytes)
      messages.push(...reader.push(row.subarray(at, at + stepBytes)));
  }
  reader.end();
  return messages;
}

describe("series", () => {
  it("gives the same messages in whatever pieces it comes", () => {
    fc.assert(
      fc.property(
        fc.array(anyPart, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 90 }),
        (parts, stepBytes) => {
          expect(read(parts, written(parts), stepBytes)).toEqual(parts.map(({ message }) => message));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("gives each message with the byte that completes it", () => {
    const parts = [first, { ...first, sequence: 41 }].map((message) => ({ message, apart: false }));
    const rows = written(parts);
    const reader = new SeriesReader(base);
    const all = concat(...rows);
    const completedAt: number[] = [];
    for (const [i, byte] of all.entries()) {
      expect(reader.push(new Uint8Array(0))).toEqual([]);
      for (const _ of reader.push(Uint8Array.of(byte))) completedAt.push(i + 1);
    }
    expect(completedAt).toEqual([rows[0]!.length, all.length]);
    expect(new SeriesReader(base).push(all)).toEqual(parts.map(({ message }) => message));
  });

  it("spends two bytes besides its body on the next of the same two people", () => {
    const [, second] = written(
      [first, { ...first, sequence: 41 }].map((message) => ({ message, apart: false })),
    );
    expect(toHex(second!)).toBe(`c108${toHex(first.body)}`);
  });

  it("lets a message that stands apart repeat nothing of those before it", () => {
    const parts = [first, { ...first, sequence: 41 }].map((message, i) => ({ message, apart: i === 1 }));
    const [, apart] = written(parts);
    expect(toHex(apart!)).toContain(toHex(utf8(first.from)));
    expect(toHex(apart!)).toContain(toHex(utf8("ben@shore.example")));
    const reader = new SeriesReader(base);
    reader.push(written(parts)[0]!);
    expect(codeOf(() => reader.push(apart!))).toBe("EST_PROTOCOL_ENCODING");
    const alone = new SeriesReader(base);
    const [one, shared] = written(parts.map(({ message }) => ({ message, apart: false })));
    alone.push(one!);
    alone.beginBlock(true);
    expect(codeOf(() => alone.push(shared!))).toBe("EST_PROTOCOL_ENCODING");
  });

  it("is not interrupted inside a message", () => {
    const [row] = written([{ message: first, apart: false }]);
    for (let length = 1; length < row!.length; length++) {
      const reader = new SeriesReader(base);
      expect(reader.push(row!.slice(0, length))).toEqual([]);
      expect(codeOf(() => reader.beginBlock(true))).toBe("EST_PROTOCOL_ENCODING");
      expect(codeOf(() => reader.end())).toBe("EST_PROTOCOL_TRUNCATED");
      expect(reader.push(row!.slice(length))).toEqual([first]);
      reader.end();
    }
  });

  it("holds at least one message and at most 256", () => {
    expect(codeOf(() => new SeriesReader(base).end())).toBe("EST_PROTOCOL_RANGE");
    const most = Array.from({ length: LIMITS.contentMessagesMax }, (_, i) => ({
      message: { ...first, sequence: 40 + i },
      apart: false,
    }));
    const rows = written(most);
    expect(read(most, rows, 1_000).length).toBe(256);
    const extra = { message: { ...first, sequence: 40 + 256 }, apart: false };
    expect(codeOf(() => written([...most, extra]))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => read(most, [...rows, rows[1]!], 1_000))).toBe("EST_PROTOCOL_RANGE");
  });

  it("holds no more than the content limit, however it is cut", () => {
    const half = { ...first, body: new Uint8Array(LIMITS.payloadBytesMax / 2) };
    const parts = [half, { ...half, sequence: 41 }].map((message) => ({ message, apart: false }));
    expect(codeOf(() => written(parts))).toBe("EST_PROTOCOL_RANGE");
    const [one] = written(parts.slice(0, 1));
    const [, second] = written(
      [first, { ...first, sequence: 41 }].map((message) => ({ message, apart: false })),
    );
    for (const step of [one!.length, 1_000_000]) {
      const reader = new SeriesReader(base);
      const feed = (bytes: Uint8Array) => {
        for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
      };
      feed(one!);
      feed(second!);
      const left = LIMITS.payloadBytesMax - one!.length - second!.length;
      feed(new Uint8Array(0));
      expect(codeOf(() => reader.push(new Uint8Array(left + 1)))).toBe("EST_PROTOCOL_RANGE");
    }
  });

  it("takes 16 blocks, and one more for each message and each 128 bytes that came before", () => {
    const rows = written([0, 1, 2].map((i) => ({ message: { ...first, sequence: 40 + i }, apart: false })));
    const [last] = written([{ message: { ...first, body: new Uint8Array(20_000) }, apart: true }]);
    const all = concat(...rows, last!);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }), (sizes) => {
        const reader = new SeriesReader(base);
        let [given, complete, begun] = [0, 0, 0];
        for (const size of [...sizes, ...Array<number>(400).fill(0)]) {
          const isAllowed = begun < 16 + complete + Math.floor(given / 128);
          expect(codeOf(() => reader.beginBlock(false))).toBe(isAllowed ? "none" : "EST_PROTOCOL_RANGE");
          if (!isAllowed) return;
          begun++;
          complete += reader.push(all.subarray(given, given + size)).length;
          given += size;
        }
        expect.unreachable();
      }),
    );
  });

  it("looks at an unfinished message only when it can have come further", () => {
    const body = new Uint8Array(200_000);
    const to = Array.from({ length: 50 }, (_, i) => `${"x".repeat(240)}${i}@y`);
    const [row] = written([{ message: { ...first, to, body }, apart: false }]);
    const reader = new SeriesReader(base);
    let completed = 0;
    const startedMs = performance.now();
    for (let at = 0; at < row!.length; at++) completed += reader.push(row!.subarray(at, at + 1)).length;
    expect(completed).toBe(1);
    // Reading all of it anew for each byte takes many seconds.
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  it("refuses what is no message, wherever it is cut", () => {
    const decode = (...bytes: number[]) => {
      const whole = codeOf(() => new SeriesReader(base).push(Uint8Array.from(bytes)));
      const reader = new SeriesReader(base);
      const piecemeal = () => {
        for (const byte of bytes) reader.push(Uint8Array.of(byte));
      };
      expect(codeOf(piecemeal)).toBe(whole);
      return whole;
    };
    expect(decode(3)).toBe("EST_PROTOCOL_VERSION");
    expect(decode(0x40, 0, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(0x08, 4)).toBe("EST_PROTOCOL_VERSION");
    expect(decode(0, 255)).toBe("EST_PROTOCOL_RANGE");
    expect(decode(0, 1, 0x0a)).toBe("EST_PROTOCOL_ENCODING");
    // More flags without one; later as it was; a number as expected.
    expect(decode(0x09, 0, 0, 1, 1, 0x61, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(0x09, 2, 0, 0, 1, 1, 0x61, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(0x11, 0, 0, 0, 7, 40, 0, 1, 1, 0x61, 0)).toBe("EST_PROTOCOL_ENCODING");
  });

  it("carries a token and a later time, once each", () => {
    const token = seedOf("token").slice(0, 16);
    const messages = [
      { ...first, token, laterS: 0 },
      { ...first, sequence: 41, laterS: 30 },
      { ...first, sequence: 42, laterS: 30 },
    ];
    const rows = written(messages.map((message) => ({ message, apart: false })));
    expect(toHex(rows[0]!)).toMatch(new RegExp(`^0901${toHex(token)}`));
    expect(toHex(rows[1]!)).toMatch(/^c9021e08/);
    expect(toHex(rows[2]!)).toMatch(/^c108/);
    expect(new SeriesReader(base).push(concat(...rows))).toEqual(messages);
  });
});
