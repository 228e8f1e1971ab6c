import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAx25, encodeIdentification, encodeUi, isDatagram, isIdentification } from "./ax25.js";
import { type CallSign, formatCallSign, parseCallSign } from "./call-sign.js";

const call = (text: string): CallSign => parseCallSign(text) as CallSign;

const callSigns = fc.record({
  call: fc.string({ unit: fc.constantFrom(..."ABCXYZ0189"), minLength: 1, maxLength: 6 }),
  ssid: fc.integer({ min: 0, max: 15 }),
});

describe("call signs", () => {
  it("are read in any case and written one way", () => {
    expect(call("n0call-7")).toEqual({ call: "N0CALL", ssid: 7 });
    expect(formatCallSign(call("n0call-0"))).toBe("N0CALL");
    for (const text of ["", "N0CALLS", "N0CALL-16", "N0CALL-", "N0 ALL", "N0CALL-01", "é", "N0CALL-1-2"])
      expect(parseCallSign(text), text).toBeNull();
  });

  it("survive being written and read", () => {
    fc.assert(
      fc.property(callSigns, (station) => {
        expect(parseCallSign(formatCallSign(station))).toEqual(station);
      }),
    );
  });
});

describe("AX.25 frames", () => {
  it("are the bytes of the standard's figures", () => {
    const frame = encodeUi({
      destination: call("NJ7P"),
      source: call("N7LEM-2"),
      via: [call("N7OO-3")],
      info: Uint8Array.of(0xc0, 0xdb),
    });
    // Addresses shifted by one, padded with shifted spaces; C, C, H, reserved bits, SSID, extension (AX.25 2.2, figure 3.5).
    expect(Buffer.from(frame).toString("hex")).toBe(
      "9c946ea04040e0" + "9c6e988a9a4064" + "9c6e9e9e404067" + "03f0" + "c0db",
    );
  });

  it("survive being written and read", () => {
    const frames = fc.record({
      destination: callSigns,
      source: callSigns,
      via: fc.array(callSigns, { maxLength: 8 }),
      info: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(frames, (frame) => {
        const { via, ...rest } = decodeAx25(encodeUi(frame));
        expect(rest).toMatchObject({ destination: frame.destination, source: frame.source, pid: 0xf0 });
        expect(via.map(({ station }) => station)).toEqual(frame.via);
        expect(Buffer.compare(rest.info, frame.info)).toBe(0);
      }),
    );
  });

  it("are ours to read only when the whole path was passed", () => {
    const bytes = encodeUi({
      destination: call("A"),
      source: call("B"),
      via: [call("C"), call("D")],
      info: Uint8Array.of(1),
    });
    expect(isDatagram(decodeAx25(bytes))).toBe(false);
    bytes[2 * 7 + 6] = (bytes[2 * 7 + 6] ?? 0) | 0x80;
    expect(isDatagram(decodeAx25(bytes))).toBe(false);
    bytes[3 * 7 + 6] = (bytes[3 * 7 + 6] ?? 0) | 0x80;
    expect(isDatagram(decodeAx25(bytes))).toBe(true);
  });

  it("of connected stations and other protocols are read and are no datagrams", () => {
    const bytes = encodeUi({ destination: call("A"), source: call("B"), via: [], info: Uint8Array.of(1, 2) });
    const withHead = (control: number, pid: number): Uint8Array => {
      const other = bytes.slice();
      other.set([control, pid], 14);
      return other;
    };
    expect(isDatagram(decodeAx25(withHead(0x13, 0xf0))), "with the poll bit").toBe(true);
    expect(isDatagram(decodeAx25(withHead(0x03, 0xcc))), "IP").toBe(false);
    expect(decodeAx25(withHead(0x3f, 0x00)), "SABM").toMatchObject({ pid: null, info: new Uint8Array(0) });
    expect(decodeAx25(withHead(0x00, 0xf0)), "I").toMatchObject({ control: 0, pid: 0xf0 });
    expect(isDatagram(decodeAx25(withHead(0x00, 0xf0)))).toBe(false);
  });

  it("that are none throw a ProtocolError", () => {
    const good = encodeUi({ destination: call("A"), source: call("B"), via: [], info: Uint8Array.of(1) });
    for (let length = 0; length < 16; length++)
      expect(() => decodeAx25(good.subarray(0, length)), `${length} bytes`).toThrow(ProtocolError);
    expect(() => decodeAx25(Uint8Array.of(...Array<number>(100).fill(0x60)))).toThrow(/more than ten/);
    const odd = good.slice();
    odd[0] = 0x41;
    expect(() => decodeAx25(odd)).toThrow(/ends early/);
    odd[0] = "a".charCodeAt(0) << 1;
    expect(() => decodeAx25(odd)).toThrow(/no call sign/);
  });

  it("that say who we are are words anybody can read", () => {
    const bytes = encodeIdentification(call("N0CALL-15"), []);
    expect(new TextDecoder().decode(bytes.subarray(16))).toBe("DE N0CALL-15 ESTAFETTE");
    expect(isIdentification(decodeAx25(bytes))).toBe(true);
    const other = encodeUi({
      destination: call("ID"),
      source: call("B"),
      via: [],
      info: new TextEncoder().encode("DE N0CALL-15 ESTAFETTE"),
    });
    expect(isIdentification(decodeAx25(other)), "in another's name").toBe(false);
  });
});
