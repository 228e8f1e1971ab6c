import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "./bytes.js";
import { type ContentBase, type ContentMessage, decodeContent, encodeContent } from "./content.js";
import { codeOf, seedOf } from "./samples.js";

const base: ContentBase = { epoch: 7, sequence: 40, class: "normal", lifetimeS: 86_400 };
const plain: ContentMessage = {
  ...base,
  kind: "text",
  receipt: false,
  token: null,
  laterS: 0,
  from: "ada@ship.example",
  to: ["ben@shore.example"],
  body: utf8("all well"),
};
const later = (count: number): ContentMessage => ({ ...plain, sequence: plain.sequence + count });

const address = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text) && utf8(text).length <= 254);
const anyMessage: fc.Arbitrary<ContentMessage> = fc.record({
  epoch: fc.constantFrom(7, 8, 0xffff_ffff),
  sequence: fc.oneof(fc.integer({ min: 39, max: 44 }), fc.maxSafeNat()),
  class: fc.constantFrom("flash", "priority", "normal", "bulk"),
  lifetimeS: fc.constantFrom(3_600, 86_400, 2_592_000),
  kind: fc.constantFrom("mail", "text", "notice"),
  receipt: fc.boolean(),
  token: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 })),
  laterS: fc.constantFrom(0, 0, 60, 0xffff_ffff),
  from: fc.oneof(fc.constantFrom("", "a@b"), address),
  to: fc.oneof(fc.constant(["x@y"]), fc.array(address, { minLength: 1, maxLength: 5 })),
  body: fc.uint8Array({ maxLength: 60 }),
});

describe("content", () => {
  it("survives the wire, whatever it holds", () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 6 }), (messages) => {
        expect(decodeContent(encodeContent(messages, base), base)).toEqual(messages);
      }),
      { numRuns: 500 },
    );
  });

  it("spends two bytes besides its body on each further message of a series", () => {
    const one = encodeContent([plain], base).length;
    const body = plain.body.length;
    expect(encodeContent([plain, later(1)], base).length).toBe(one + 2 + body);
    expect(toHex(encodeContent([plain, later(1)], base).slice(-2 - body, -body))).toBe("c108");
    expect(one).toBe(1 + 1 + 1 + 16 + 1 + 1 + 17 + 1 + body);
  });

  it("announces token and later time in a second byte, and repeats neither", () => {
    const token = seedOf("t").slice(0, 16);
    const bare = encodeContent([plain], base).length;
    expect(encodeContent([{ ...plain, token }], base).length).toBe(bare + 1 + 16);
    expect(encodeContent([{ ...plain, laterS: 90 }], base).length).toBe(bare + 1 + 1);
    expect(encodeContent([{ ...plain, token, laterS: 300 }], base).length).toBe(bare + 1 + 16 + 2);
    const row = (laterS: number) => ({ ...later(1), laterS });
    const one = encodeContent([{ ...plain, laterS: 90 }], base);
    const tail = (laterS: number) =>
      toHex(encodeContent([{ ...plain, laterS: 90 }, row(laterS)], base).slice(one.length));
    expect(tail(90)).toBe(`c108${toHex(plain.body)}`);
    expect(tail(89)).toBe(`c9025908${toHex(plain.body)}`);
    expect(tail(0)).toBe(`c9020008${toHex(plain.body)}`);
    expect(codeOf(() => encodeContent([{ ...plain, laterS: 2 ** 32 }], base))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => encodeContent([{ ...plain, laterS: -1 }], base))).toBe("EST_PROTOCOL_RANGE");
  });

  it("means something else under another header, and says so where it can", () => {
    const bytes = encodeContent([plain], base);
    expect(decodeContent(bytes, { ...base, sequence: 41 })[0]!.sequence).toBe(41);
    const explicit = encodeContent([plain], { ...base, sequence: 41 });
    expect(codeOf(() => decodeContent(explicit, base))).toBe("EST_PROTOCOL_ENCODING");
  });

  it("is refused when cut anywhere or followed by anything", () => {
    const bytes = encodeContent([{ ...plain, token: seedOf("t").slice(0, 16) }, later(5)], base);
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => decodeContent(bytes.slice(0, length), base))).toBe("EST_PROTOCOL_TRUNCATED");
    }
    expect(codeOf(() => decodeContent(Uint8Array.of(...bytes, 0), base))).toBe("EST_PROTOCOL_TRAILING");
  });

  it("refuses values without an encoding", () => {
    const wrong: [Partial<ContentMessage>, string][] = [
      [{ to: [] }, "EST_PROTOCOL_RANGE"],
      [{ to: [""] }, "EST_PROTOCOL_RANGE"],
      [{ to: Array(51).fill("a@b") }, "EST_PROTOCOL_RANGE"],
      [{ from: "x".repeat(255) }, "EST_PROTOCOL_RANGE"],
      [{ from: "a\r\nRCPT TO:<b>" }, "EST_PROTOCOL_ENCODING"],
      [{ to: ["a\u0085b"] }, "EST_PROTOCOL_ENCODING"],
      [{ to: ["a\ud800"] }, "EST_PROTOCOL_ENCODING"],
      [{ lifetimeS: 60 }, "EST_PROTOCOL_RANGE"],
      [{ token: new Uint8Array(15) }, "EST_PROTOCOL_RANGE"],
      [{ sequence: 2 ** 53 }, "EST_PROTOCOL_RANGE"],
    ];
    for (const [changes, code] of wrong) {
      expect(codeOf(() => encodeContent([{ ...plain, ...changes }], base))).toBe(code);
    }
    expect(codeOf(() => encodeContent([], base))).toBe("EST_PROTOCOL_RANGE");
    expect(codeOf(() => encodeContent(Array(257).fill(plain), base))).toBe("EST_PROTOCOL_RANGE");
  });

  it("refuses bytes that are no content", () => {
    const decode = (...bytes: number[]) => codeOf(() => decodeContent(Uint8Array.from(bytes), base));
    expect(decode()).toBe("EST_PROTOCOL_TRUNCATED");
    expect(decode(0)).toBe("EST_PROTOCOL_RANGE");
    expect(decode(0x81, 0x02)).toBe("EST_PROTOCOL_RANGE");
    expect(decode(1, 3)).toBe("EST_PROTOCOL_VERSION");
    expect(decode(1, 0x40)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(1, 0x80, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(1, 0, 1, 0x0a)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(1, 0, 1, 0xff)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(1, 0, 255)).toBe("EST_PROTOCOL_RANGE");
    expect(decode(1, 0, 0, 0)).toBe("EST_PROTOCOL_RANGE");
    expect(decode(1, 8, 4)).toBe("EST_PROTOCOL_VERSION");
    expect(decode(1, 8, 0, 0, 1, 1, 0x61, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(1, 8, 2, 0, 0, 1, 1, 0x61, 0)).toBe("EST_PROTOCOL_ENCODING");
    expect(decode(1, 8, 2, 0x80, 0x80, 0x80, 0x80, 0x10)).toBe("EST_PROTOCOL_RANGE");
    expect(decode(1, 0, 0, 1, 0)).toBe("EST_PROTOCOL_RANGE");
    expect(decode(1, 0x20, 4, 0x90, 0x1c)).toBe("EST_PROTOCOL_VERSION");
    expect(decode(1, 0, 0, 1, 1, 0x61, 0xff, 0xff, 0xff, 0x7f)).toBe("EST_PROTOCOL_TRUNCATED");
  });
});
