import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFromRadio, decodeRoutingError } from "./from-radio.js";
import { StreamReader } from "./stream-reader.js";
import { frame, greetingFrame, heartbeatFrame, packetFrame } from "./to-radio.js";
import { readFields, type WireField, writeFields } from "./wire.js";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hex = (given: Uint8Array): string => Buffer.from(given).toString("hex");

describe("what a radio says", () => {
  it("of a packet: the published data, inside a packet written by hand", () => {
    const data = "0880021205 68656c6c6f 4800";
    const packet = `0d44332211 15ffffffff 1801 220c${data} 3578563412 450000b040 4803 60a7ffffffffffffffff01 7803`;
    const body = bytes(packet);
    const message = Uint8Array.of(0x12, body.length, ...body);
    expect(decodeFromRadio(message)).toEqual({
      type: "packet",
      packet: {
        ...{ from: 0x11223344, to: 0xffffffff, channel: 1, id: 0x12345678 },
        data: { port: 256, payload: new TextEncoder().encode("hello"), requestId: 0 },
      },
    });
  });

  it("of its queue, of a restart, of the end of a handshake, of nothing", () => {
    expect(decodeFromRadio(bytes("5a0a 0809 100f 1810 20d2 8549"))).toEqual({
      ...{ type: "queue-status", res: 9, free: 15, lengthMax: 16, packetId: 1_196_754 },
    });
    expect(decodeFromRadio(bytes("4001"))).toEqual({ type: "rebooted" });
    expect(decodeFromRadio(bytes("382a"))).toEqual({ type: "config-complete", nonce: 42 });
    expect(decodeFromRadio(new Uint8Array(0))).toEqual({ type: "other" });
    expect(decodeFromRadio(bytes("0807 a20102 0801"))).toEqual({ type: "other" });
  });

  it("is refused when it is two things, ends too soon, or has a wrong wire type", () => {
    for (const wrong of [
      "382a 4001",
      "1205 0d4433",
      "3a02 0801",
      "12020801",
      "0a00",
      "00",
      "3b",
      "120a 0d44332211 2200",
    ]) {
      expect(() => decodeFromRadio(bytes(wrong)), wrong).toThrow(ProtocolError);
    }
  });

  it("of routing: the error, or that it is about a route", () => {
    expect(decodeRoutingError(bytes("1805"))).toBe(5);
    expect(decodeRoutingError(new Uint8Array(0))).toBe(0);
    expect(decodeRoutingError(bytes("0a00"))).toBeNull();
  });
});

describe("what we say to a radio", () => {
  it("is the published bytes", () => {
    expect(hex(greetingFrame(69_421))).toBe("94c3000418ad9e04");
    expect(hex(heartbeatFrame())).toBe("94c300023a00");
    const packet = { to: 0x11223344, id: 5, channel: 1, hopLimit: 3, wantAck: true, port: 256 };
    const payload = new TextEncoder().encode("hi");
    expect(hex(packetFrame({ ...packet, payload }))).toBe(
      "94c3001b0a1915443322112207088002120268693505000000480318015001",
    );
  });
});

const field = fc.oneof(
  fc.record({
    number: fc.integer({ min: 1, max: 500 }),
    kind: fc.constantFrom("varint", "fixed32"),
    value: fc.nat(),
  }),
  fc.record({
    number: fc.integer({ min: 1, max: 500 }),
    kind: fc.constant("bytes"),
    bytes: fc.uint8Array({ maxLength: 40 }),
  }),
) as fc.Arbitrary<WireField>;

describe("fields and frames", () => {
  it("come back as they were written", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
        expect(readFields(writeFields(fields))).toEqual(fields);
      }),
    );
  });

  it("are found in any pieces, with text between them, and the text is told in lines", () => {
    const lines: string[] = [];
    const reader = new StreamReader((line) => lines.push(line));
    const stream = [
      ...bytes("0a"),
      ...Buffer.from("Boot\r\n"),
      ...frame(bytes("382a")),
      ...Buffer.from("ok\n"),
      ...frame(bytes("4001")),
    ];
    const found = stream.flatMap((byte) => reader.push(Uint8Array.of(byte)));
    expect(found.map(({ type }) => type)).toEqual(["config-complete", "rebooted"]);
    expect(lines).toEqual(["Boot", "ok"]);
    expect(reader.counters()).toEqual({ framesAccepted: 2, framesDamaged: 0, bytesSkipped: 10 });
  });

  it("behind a false header are found when that is given up", () => {
    const reader = new StreamReader();
    expect(reader.push(Uint8Array.of(0x94, 0xc3, 1, 0, ...frame(bytes("382a"))))).toEqual([]);
    expect(reader.isWaiting).toBe(true);
    expect(reader.giveUpWaiting()).toEqual([{ type: "config-complete", nonce: 42 }]);
    expect(reader.isWaiting).toBe(false);
    expect(reader.giveUpWaiting()).toEqual([]);
  });
});
