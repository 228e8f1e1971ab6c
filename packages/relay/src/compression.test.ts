import { createHash } from "node:crypto";
import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CODEC, compressContent, decompressContent } from "./compression.js";
import { LIMITS } from "./limits.js";

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const CASES = Number(process.env.FUZZ_CASES ?? 2000);

/** A zstd frame of RLE blocks: a few bytes that claim to be many (RFC 8878 §3.1.1.2). */
function bomb(blocks: number, header: readonly number[]): Uint8Array {
  const bytes = [0x28, 0xb5, 0x2f, 0xfd, ...header];
  for (let i = 0; i < blocks; i++) {
    const block = (i === blocks - 1 ? 1 : 0) | (1 << 1) | ((128 * 1024) << 3);
    bytes.push(block & 255, (block >> 8) & 255, (block >> 16) & 255, 0);
  }
  return Uint8Array.from(bytes);
}

function u32le(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
}

describe("content compression", () => {
  it("undoes itself for any content, and never makes it longer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (content) => {
        const { codec, bytes } = compressContent(content);
        expect(bytes.length).toBeLessThanOrEqual(content.length);
        expect(Buffer.from(decompressContent(codec, bytes))).toEqual(Buffer.from(content));
      }),
    );
  });

  it("uses zstd where it helps and nothing where it does not", () => {
    expect(compressContent(text("all is well on board. ".repeat(40))).codec).toBe(CODEC.zstd);
    expect(compressContent(createHash("sha512").update("noise").digest()).codec).toBe(CODEC.none);
  });

  it("sends as it is what would look like a bomb to the receiver", () => {
    const zeros = new Uint8Array(4_000_000);
    const { codec, bytes } = compressContent(zeros);
    expect(codec).toBe(CODEC.none);
    expect(decompressContent(codec, bytes).length).toBe(zeros.length);
  });

  it("refuses an unknown codec", () => {
    expect(() => decompressContent(7, text("x"))).toThrowError(
      expect.objectContaining({ code: "EST_PROTOCOL_VERSION" }),
    );
  });

  it("refuses 200 generated bombs from their header alone", () => {
    for (let i = 0; i < 200; i++) {
      const claimed = 7_000_000 + i * 1_000_000;
      const header =
        i % 2 === 0 ? [0xa0, ...u32le(claimed)] : [0x80, ((10 + (i % 22)) << 3) & 0xf8, ...u32le(claimed)];
      const frame = bomb(1 + (i % 56), header);
      const before = process.memoryUsage().arrayBuffers;
      expect(() => decompressContent(CODEC.zstd, frame)).toThrow(ProtocolError);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
    }
  });

  it("refuses a frame that lies about its size, is cut, asks for a dictionary or a large window", () => {
    const { bytes } = compressContent(text("harbour, weather and cargo; ".repeat(100)));
    expect(() => decompressContent(CODEC.zstd, bytes.subarray(0, bytes.length - 1))).toThrow(ProtocolError);
    const longer = Uint8Array.from(bytes);
    expect(longer[4]).toBeDefined();
    longer[longer[4]! & 0x20 ? 5 : 6]! += 1;
    expect(() => decompressContent(CODEC.zstd, longer)).toThrow(ProtocolError);
    expect(() => decompressContent(CODEC.zstd, bomb(1, [0xa1, 7, ...u32le(1000)]))).toThrow(ProtocolError);
    expect(() =>
      decompressContent(CODEC.zstd, bomb(1, [0x80, (LIMITS.windowLogMax + 1 - 10) << 3, ...u32le(1000)])),
    ).toThrow(/window/);
  });

  it("throws nothing but ProtocolError, whatever it is given", () => {
    const good = compressContent(text("position 61.5N 004.9E, wind 23 kn. ".repeat(8))).bytes;
    const mutated = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
      const bytes = Uint8Array.from(good);
      bytes[at] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
        try {
          decompressContent(CODEC.zstd, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: CASES },
    );
  });
});
