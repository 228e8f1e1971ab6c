import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, decodeBlocks, encodeBlocks } from "./blocks.js";
import { toHex, utf8 } from "./bytes.js";
import { LIMITS } from "./limits.js";
import { codeOf } from "./samples.js";

const anyBlock: fc.Arbitrary<Block> = fc.record({
  codec: fc.integer({ min: 0, max: 31 }).chain((id) => fc.constantFrom(id, id + 128)),
  apart: fc.boolean(),
  bytes: fc.uint8Array({ maxLength: 300 }),
});

describe("blocks of a chunk", () => {
  it("survive in any number and form", () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { minLength: 1, maxLength: 12 }), (blocks) => {
        expect(decodeBlocks(encodeBlocks(blocks))).toEqual(blocks);
      }),
      { numRuns: 200 },
    );
  });

  it("are bytes with one meaning: what is read is written the same again", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
        let blocks: readonly Block[] = [];
        if (codeOf(() => (blocks = decodeBlocks(bytes))) !== "none") return;
        expect(encodeBlocks(blocks)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it("cost one byte, and a length where another one follows", () => {
    const one: Block = { codec: 2, apart: false, bytes: utf8("ab") };
    expect(toHex(encodeBlocks([one]))).toBe("026162");
    const apart: Block = { codec: 131, apart: true, bytes: utf8("c") };
    expect(toHex(encodeBlocks([one, apart]))).toBe("22026162c363");
  });

  it("are refused when cut short, and number at least 1 and at most 256", () => {
    const block: Block = { codec: 0, apart: false, bytes: utf8("x") };
    const three = encodeBlocks([block, block, block]);
    for (const length of [0, 1, 2, 3, 4, 5, 6]) {
      expect(codeOf(() => decodeBlocks(three.slice(0, length)))).toBe("EST_PROTOCOL_TRUNCATED");
    }
    const most = Array.from({ length: LIMITS.chunkBlocksMax }, () => block);
    expect(decodeBlocks(encodeBlocks(most)).length).toBe(256);
    expect(codeOf(() => encodeBlocks([...most, block]))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => encodeBlocks([]))).toBe("EST_PROTOCOL_RANGE");
    const more = Uint8Array.of(...Array.from({ length: 256 }, () => [0x20, 0]).flat(), 0);
    expect(codeOf(() => decodeBlocks(more))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => decodeBlocks(Uint8Array.of(0x20, 0x81, 0x00, 0, 0)))).toBe("EST_PROTOCOL_ENCODING");
  });

  it("have no place for codecs that the header could name but no block", () => {
    for (const codec of [32, 64, 127, 160, 255, 256, -1]) {
      expect(codeOf(() => encodeBlocks([{ codec, apart: false, bytes: utf8("") }]))).toBe(
        "EST_PROTOCOL_RANGE",
      );
    }
  });
});
