import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cobsDecode,
  cobsEncode,
  cobsOverhead,
  crc16Ccitt,
  crc32,
  encodeLengthPrefixed,
  encodeSerialFrame,
  KissReader,
  kissEncode,
  LengthPrefixedReader,
  LineReader,
  SerialFrameReader,
  SlipReader,
  serialFrameBytes,
  slipEncode,
} from "./index.js";

const RUNS = { numRuns: Number(process.env.FUZZ_CASES ?? 2_000) };
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const payload = (maxLength = 600) => fc.uint8Array({ minLength: 1, maxLength });
/** Bytes that the decoders below find interesting. */
const hostile = fc.array(fc.oneof(fc.constantFrom(0, 0xc0, 0xdb, 0xdc, 0xdd, 1, 0xff), fc.nat(255)), {
  maxLength: 400,
});

/** The same bytes in pieces of any size. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  return ends.map((end) => {
    const piece = bytes.slice(from, end);
    from = end;
    return piece;
  });
}

describe("checksums", () => {
  it("give the published check values", () => {
    expect(crc16Ccitt(ascii("123456789"))).toBe(0x29b1);
    expect(crc32(ascii("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });

  it("notice each changed bit", () => {
    const bytes = ascii("a parcel that must not change");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(crc32(changed)).not.toBe(crc32(bytes));
      expect(crc16Ccitt(changed)).not.toBe(crc16Ccitt(bytes));
    }
  });
});

describe("COBS", () => {
  it("encodes the examples of its authors' scheme", () => {
    expect([...cobsEncode(Uint8Array.of(0))]).toEqual([1, 1]);
    expect([...cobsEncode(Uint8Array.of(0, 0))]).toEqual([1, 1, 1]);
    expect([...cobsEncode(Uint8Array.of(0x11, 0x22, 0, 0x33))]).toEqual([3, 0x11, 0x22, 2, 0x33]);
    const run254 = Uint8Array.from({ length: 254 }, (_, at) => at + 1);
    expect([...cobsEncode(run254)]).toEqual([0xff, ...run254]);
    const run255 = Uint8Array.from({ length: 255 }, (_, at) => at + 1);
    expect([...cobsEncode(run255)]).toEqual([0xff, ...run254, 2, 0xff]);
  });

  it("gives back what went in, without zeros, within the overhead", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_100 }), (bytes) => {
        const encoded = cobsEncode(bytes);
        expect(encoded.includes(0)).toBe(false);
        expect(encoded.length).toBeLessThanOrEqual(bytes.length + cobsOverhead(bytes.length));
        expect(cobsDecode(encoded)).toEqual(bytes);
      }),
      RUNS,
    );
    for (const length of [253, 254, 255, 507, 508, 509]) {
      const bytes = new Uint8Array(length).fill(7);
      expect(cobsDecode(cobsEncode(bytes))).toEqual(bytes);
    }
  });

  it("refuses what no encoder made", () => {
    expect(cobsDecode(new Uint8Array(0))).toBeNull();
    expect(cobsDecode(Uint8Array.of(3, 1))).toBeNull();
    expect(cobsDecode(Uint8Array.of(3, 0, 1))).toBeNull();
    fc.assert(
      fc.property(hostile, (values) => {
        const decoded = cobsDecode(Uint8Array.from(values));
        if (decoded) expect(decoded.length).toBeLessThan(values.length);
      }),
      RUNS,
    );
  });
});

describe("serial frames", () => {
  it("survive any cutting into pieces, and keep their order", () => {
    fc.assert(
      fc.property(
        fc.array(payload(), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (list, cuts) => {
          const stream = Uint8Array.from(list.flatMap((each) => [...encodeSerialFrame(each)]));
          const reader = new SerialFrameReader(600);
          expect(pieces(stream, cuts).flatMap((piece) => reader.push(piece))).toEqual(list);
          expect(reader.counters()).toEqual({
            framesAccepted: list.length,
            framesDamaged: 0,
            bytesDiscarded: 0,
          });
        },
      ),
      RUNS,
    );
  });

  it("are never longer than announced", () => {
    for (const size of [1, 48, 249, 250, 251, 255, 503, 504, 505, 1_500]) {
      expect(encodeSerialFrame(new Uint8Array(size).fill(1)).length).toBeLessThanOrEqual(
        serialFrameBytes(size),
      );
    }
  });

  it("do not pass with a changed byte; the next one does", () => {
    fc.assert(
      fc.property(payload(80), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
        const damaged = encodeSerialFrame(bytes);
        const place = 1 + (at % (damaged.length - 2));
        damaged[place] = (damaged[place] ?? 0) ^ flip;
        const reader = new SerialFrameReader(100);
        expect(reader.push(damaged)).toEqual([]);
        expect(reader.push(encodeSerialFrame(bytes))).toEqual([bytes]);
        expect(reader.counters().bytesDiscarded).toBeGreaterThan(0);
      }),
      RUNS,
    );
  });

  it("too long are dropped and counted, whatever their length", () => {
    const reader = new SerialFrameReader(50);
    expect(reader.push(encodeSerialFrame(new Uint8Array(51).fill(1)))).toEqual([]);
    for (let chunk = 0; chunk < 1_000; chunk++)
      expect(reader.push(new Uint8Array(1_000).fill(9))).toEqual([]);
    expect(reader.push(encodeSerialFrame(ascii("after")))).toEqual([ascii("after")]);
    expect(reader.counters().bytesDiscarded).toBeGreaterThanOrEqual(1_000_000);
  });

  it("are found in 10 MB of noise: at least 99.9 %, and nothing else", () => {
    const noise = noiseSource(42);
    const reader = new SerialFrameReader(255);
    const sent = new Set<string>();
    const heard: string[] = [];
    let noiseBytes = 0;
    for (let index = 0; noiseBytes < 10_000_000; index++) {
      const stretch = noise(100 + (index % 7) * 400);
      noiseBytes += stretch.length;
      const body = noise(20 + (index % 200));
      new DataView(body.buffer).setUint32(0, index);
      sent.add(Buffer.from(body).toString("hex"));
      for (const chunk of [stretch, encodeSerialFrame(body)]) {
        for (const bytes of reader.push(chunk)) heard.push(Buffer.from(bytes).toString("hex"));
      }
    }
    expect(heard.filter((each) => !sent.has(each))).toEqual([]);
    expect(heard.length / sent.size).toBeGreaterThanOrEqual(0.999);
    expect(reader.counters().bytesDiscarded).toBeGreaterThan(9_900_000);
  });

  it("survive anything", () => {
    fc.assert(
      fc.property(hostile, (values) => {
        const reader = new SerialFrameReader(64);
        reader.push(Uint8Array.from(values));
        expect(reader.push(encodeSerialFrame(ascii("intact")))).toEqual([ascii("intact")]);
      }),
      RUNS,
    );
  });
});

describe("SLIP and KISS", () => {
  it("escape as RFC 1055 says", () => {
    expect([...slipEncode(Uint8Array.of(0xc0, 0xdb, 1))]).toEqual([0xc0, 0xdb, 0xdc, 0xdb, 0xdd, 1, 0xc0]);
    const frame = kissEncode({ port: 2, command: 6, data: Uint8Array.of(0xc0) });
    expect([...frame]).toEqual([0xc0, 0x26, 0xdb, 0xdc, 0xc0]);
  });

  it("give back what went in, in any pieces", () => {
    const frames = fc.array(
      fc.record({ port: fc.nat(15), command: fc.nat(15), data: fc.uint8Array({ maxLength: 300 }) }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 8 }), (list, cuts) => {
        const stream = Uint8Array.from(list.flatMap((each) => [...kissEncode(each)]));
        const reader = new KissReader(300);
        expect(pieces(stream, cuts).flatMap((piece) => reader.push(piece))).toEqual(list);
        expect(reader.counters()).toEqual({ framesDamaged: 0, bytesDiscarded: 0 });
      }),
      RUNS,
    );
  });

  it("drop frames with a wrong escape or too many bytes, and survive anything", () => {
    const reader = new SlipReader(4);
    expect(reader.push(Uint8Array.of(0xc0, 1, 0xdb, 2, 0xc0))).toEqual([]);
    expect(reader.push(Uint8Array.of(0xc0, 1, 2, 3, 4, 5, 0xc0))).toEqual([]);
    expect(reader.counters()).toEqual({ framesDamaged: 2, bytesDiscarded: 8 });
    expect(reader.push(Uint8Array.of(0xc0, 1, 2, 3, 4, 0xc0))).toEqual([Uint8Array.of(1, 2, 3, 4)]);
    fc.assert(
      fc.property(hostile, (values) => {
        const any = new SlipReader(64);
        any.push(Uint8Array.from(values));
        expect(any.push(slipEncode(ascii("intact"))).at(-1)).toEqual(ascii("intact"));
      }),
      RUNS,
    );
  });
});

describe("length-prefixed frames", () => {
  it("give back what went in, in any pieces; filler is skipped", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (list, cuts) => {
          const stream = Uint8Array.from(list.flatMap((each) => [...encodeLengthPrefixed(each)]));
          const reader = new LengthPrefixedReader(300);
          const heard = pieces(stream, cuts).flatMap((piece) => reader.push(piece));
          expect(heard).toEqual(list.filter((each) => each.length > 0));
          expect(reader.partial).toBe(false);
        },
      ),
      RUNS,
    );
  });

  it("refuse a longer announcement, and everything after it", () => {
    const reader = new LengthPrefixedReader(16_384);
    expect(() => reader.push(ascii("GET / HTTP/1.1\r\n"))).toThrow(/18245 bytes were announced|18245/);
    expect(() => reader.push(encodeLengthPrefixed(ascii("late")))).toThrow(/limit is 16384/);
    const exact = new LengthPrefixedReader(3);
    expect(exact.push(Uint8Array.of(0, 3, 1, 2, 3))).toEqual([Uint8Array.of(1, 2, 3)]);
    expect(() => exact.push(Uint8Array.of(0, 4))).toThrow(
      expect.objectContaining({ code: "EST_PROTOCOL_RANGE" }),
    );
  });

  it("say when a stream ends inside one", () => {
    const reader = new LengthPrefixedReader(10);
    reader.push(Uint8Array.of(0));
    expect(reader.partial).toBe(true);
  });

  it("survive anything", () => {
    fc.assert(
      fc.property(hostile, (values) => {
        const reader = new LengthPrefixedReader(64);
        try {
          for (const each of reader.push(Uint8Array.from(values)))
            expect(each.length).toBeLessThanOrEqual(64);
        } catch (error) {
          expect(error).toMatchObject({ code: "EST_PROTOCOL_RANGE" });
        }
      }),
      RUNS,
    );
  });
});

describe("lines", () => {
  it("end at LF or CRLF; empty ones are skipped, long ones dropped", () => {
    const reader = new LineReader(5);
    const text = (lines: Uint8Array[]): string[] => lines.map((line) => new TextDecoder().decode(line));
    expect(text(reader.push(ascii("OK\r\n\r\n\nA")))).toEqual(["OK"]);
    expect(text(reader.push(ascii("T\ntoo long\r\n12345\r\n123456\nlast\n")))).toEqual([
      "AT",
      "12345",
      "last",
    ]);
    expect(reader.bytesDiscarded).toBeGreaterThanOrEqual(14);
  });

  it("survive anything", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const reader = new LineReader(32);
        for (const line of reader.push(bytes)) {
          expect(line.length).toBeLessThanOrEqual(32);
          expect(line.includes(0x0a)).toBe(false);
        }
      }),
      RUNS,
    );
  });
});

/** Fast repeatable noise (xorshift32). */
function noiseSource(seed: number): (count: number) => Uint8Array {
  let state = seed;
  return (count) => {
    const out = new Uint8Array(count);
    for (let at = 0; at < count; at++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      out[at] = state;
    }
    return out;
  };
}
