import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BROADCAST,
  formatAddress,
  formatFingerprint,
  messageKeyText,
  parseAddress,
  publicIdOf,
} from "./address.js";
import { ada, ben, codeOf } from "./samples.js";

describe("written address", () => {
  it("survives writing, in lower and upper case", () => {
    const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(bytes16, (address) => {
        const text = formatAddress(address);
        expect(text).toMatch(/^est1[a-z0-9]{32}$/);
        expect(parseAddress(text)).toEqual(address);
        expect(parseAddress(text.toUpperCase())).toEqual(address);
      }),
    );
    expect(formatAddress(BROADCAST)).toMatch(/^est1l{25}/);
  });

  it("notices every single wrong character and every swap of neighbours", () => {
    const text = formatAddress(ada.address);
    for (let i = 4; i < text.length; i++) {
      const wrong = `${text.slice(0, i)}${text[i] === "q" ? "p" : "q"}${text.slice(i + 1)}`;
      expect(codeOf(() => parseAddress(wrong))).toBe("EST_PROTOCOL_CHECKSUM");
      const swapped = `${text.slice(0, i - 1)}${text[i]}${text[i - 1]}${text.slice(i + 1)}`;
      if (i > 4 && swapped !== text)
        expect(codeOf(() => parseAddress(swapped))).toBe("EST_PROTOCOL_CHECKSUM");
    }
  });

  it("refuses padding bits that are not zero, under a right checksum", () => {
    const text = "est1qqqqqqqqqqqqqqqqqqqqqqqqqpnzqp6r";
    expect(codeOf(() => parseAddress(text))).toBe("EST_PROTOCOL_ENCODING");
    expect(parseAddress(formatAddress(new Uint8Array(16)))).toEqual(new Uint8Array(16));
  });

  it("refuses what is no address", () => {
    const text = formatAddress(ada.address);
    for (const wrong of [
      "",
      text.slice(1),
      `${text}q`,
      text.replace("est1", "esx1"),
      text.replace(/.$/, "b"),
      `E${text.slice(1)}`,
      "ü".repeat(36),
      "x".repeat(100_000),
    ]) {
      expect(codeOf(() => parseAddress(wrong))).toBe("EST_PROTOCOL_ENCODING");
    }
  });
});

describe("short texts", () => {
  it("have their form and tell keys apart", () => {
    expect(formatFingerprint(ada.keys.root)).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(formatFingerprint(ada.keys.root)).not.toBe(formatFingerprint(ben.keys.root));
    expect(publicIdOf(ada.address, 7, 1)).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(publicIdOf(ada.address, 7, 1)).not.toBe(publicIdOf(ada.address, 7, 2));
    expect(messageKeyText(ada.address, 0xab, 12)).toBe(`${formatAddress(ada.address)}/000000ab/12`);
  });
});
