import { seededRng, VirtualClock } from "@estafette/conformance";
import { type ConfigError, ProtocolError } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { CreditAccount } from "./credits.js";
import { DirectIpReader, decodeMoMessage, decodeMtStatus, encodeMtMessage } from "./direct-ip.js";
import sbdPlugin from "./index.js";
import { checksum, ModemReader } from "./modem-reader.js";
import { RetryTable } from "./retry.js";
import { decodeHook, decodeMtAnswer, encodeMtForm } from "./rockblock.js";
import { meaningOf, parseSessionResult } from "./session-result.js";

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (one) => one.charCodeAt(0));
const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, "hex"));

describe("the modem's words", () => {
  it("checksums as the manual's example", () => expect(checksum(bytes("hello"))).toBe(0x0214));

  it("finds a message between an echo, rings and noise, whole or in single bytes", () => {
    const stream = bytes("AT+SBDRB\r\r\nSBDRING\r\n\u0000\u0002\r\n\u0000\u0017\r\nOK\r\n");
    for (const step of [1, 3, stream.length]) {
      const reader = new ModemReader();
      reader.expectMessage();
      const pieces = [];
      for (let at = 0; at < stream.length; at += step)
        pieces.push(...reader.push(stream.subarray(at, at + step)));
      expect(pieces).toEqual([
        { type: "line", text: "AT+SBDRB" },
        { type: "line", text: "SBDRING" },
        { type: "message", bytes: Uint8Array.of(13, 10) },
        { type: "line", text: "OK" },
      ]);
    }
  });

  it("says when a message is damaged, and drops lines that never end", () => {
    const reader = new ModemReader();
    reader.expectMessage();
    expect(reader.push(bytes("\u0000\u0001\u0007\u0000\u0008"))).toEqual([{ type: "message", bytes: null }]);
    expect(reader.push(bytes(`${"x".repeat(10_000)}\r\nOK\r\n`))).toEqual([{ type: "line", text: "OK" }]);
  });

  it.each([
    ["+SBDIX: 0, 65535, 1, 7, 270, 3", [0, 65_535, 1, 7, 270, 3]],
    ["+SBDIX:32,0,2,0,0,0", [32, 0, 2, 0, 0, 0]],
    ["+SBDIX:   18,  4 ,0,-1,0,0", [18, 4, 0, -1, 0, 0]],
  ])("reads %s", (line, [moStatus, momsn, mtStatus, mtmsn, mtBytes, mtQueued]) => {
    expect(parseSessionResult(line)).toEqual({ moStatus, momsn, mtStatus, mtmsn, mtBytes, mtQueued });
  });

  it.each([
    "+SBDIX: 0, 1",
    "+SBDIX: 0, 1, 2, 3, 4, 5, 6",
    "+SBDIX: 0, 1SBDRING",
    "+SBDIX: 999, 0, 0, 0, 0, 0",
    "OK",
  ])("refuses %s", (line) => expect(() => parseSessionResult(line)).toThrow(ProtocolError));

  it("knows which statuses leave a message's fate open", () => {
    for (const status of [0, 1, 2, 3, 4]) expect(meaningOf(status).fate).toBe("taken");
    for (const status of [10, 13, 17, 18, 19, 99]) expect(meaningOf(status).fate).toBe("unknown");
    for (const status of [11, 32, 35, 36, 38]) expect(meaningOf(status).fate).toBe("not-sent");
    for (const status of [12, 14, 15, 16]) expect(meaningOf(status).fatal).toBe(true);
  });
});

describe("DirectIP", () => {
  const captured = hex(
    `01003501001c00000000${Buffer.from("527695889002193").toString("hex")}000000006b0169f60302000568656c6c6f03000b003bd4310aad9c00000003`,
  );

  it("reads a captured message", () => {
    const reader = new DirectIpReader();
    expect(reader.push(captured.subarray(0, 20))).toBeNull();
    const message = reader.push(captured.subarray(20));
    expect(decodeMoMessage(message ?? captured)).toEqual({
      ...{ imei: "527695889002193", sessionStatus: 0, momsn: 0 },
      payload: bytes("hello"),
    });
  });

  it("refuses what is short, garbled, of another version, or two messages at once", () => {
    const broken = captured.slice();
    broken[4] = 0xff; // an element longer than the message
    expect(() => decodeMoMessage(broken)).toThrow(ProtocolError);
    for (const length of [3, 20, 40, 55]) {
      expect(() => decodeMoMessage(captured.subarray(0, length))).toThrow(ProtocolError);
    }
    expect(() => new DirectIpReader().push(Uint8Array.of(2))).toThrow(ProtocolError);
    expect(() => new DirectIpReader().push(Uint8Array.of(1, 0xff, 0xff))).toThrow(ProtocolError);
    expect(() => new DirectIpReader().push(Uint8Array.of(...captured, 1))).toThrow(ProtocolError);
  });

  it("writes a message for a ship, and reads every status", () => {
    const id = Uint8Array.of(1, 2, 3, 4);
    const written = Buffer.from(encodeMtMessage(id, "300434060000001", bytes("hi"))).toString("hex");
    expect(written).toBe(
      `01001d41001501020304${Buffer.from("300434060000001").toString("hex")}00004200026869`,
    );
    for (let status = -11; status <= 50; status++) {
      const low = (status & 0xffff).toString(16).padStart(4, "0");
      const answer = hex(`01001c44001901020304${"30".repeat(15)}00000000${low}`);
      expect(decodeMtStatus(answer, id)).toBe(status);
      expect(() => decodeMtStatus(answer, Uint8Array.of(9, 9, 9, 9))).toThrow(ProtocolError);
    }
  });
});

describe("the RockBLOCK web service", () => {
  const message = { imei: "300434060000001", momsn: 7, payload: hex("0aff") };
  it("reads a hook as form and as JSON", () => {
    expect(
      decodeHook("application/x-www-form-urlencoded", bytes("imei=300434060000001&momsn=7&data=0aFF&JWT=x")),
    ).toEqual(message);
    const json = bytes('{"imei":"300434060000001","momsn":7,"data":"0aff"}');
    expect(decodeHook("application/json; charset=utf-8", json)).toEqual(message);
  });

  it.each([
    ["application/json", "[]"],
    ["application/json", "{"],
    ["application/json", '{"imei":{},"momsn":7}'],
    ["form", "imei=12&momsn=1&data="],
    ["form", "imei=300434060000001&momsn=65536&data="],
    ["form", "imei=300434060000001&momsn=1&data=0a0"],
    ["form", "imei=300434060000001&momsn=1&data=zz"],
    ["form", `imei=300434060000001&momsn=1&data=${"00".repeat(2_000)}`],
  ])("refuses a hook of %s %s", (type, body) => {
    expect(() => decodeHook(type, bytes(body))).toThrow(ProtocolError);
  });

  it("writes the form, and knows what answers mean", () => {
    const form = encodeMtForm({ username: "a@b", password: "p&q" }, message.imei, message.payload);
    expect(form).toBe("imei=300434060000001&username=a%40b&password=p%26q&data=0aff");
    expect(decodeMtAnswer("OK,4114651").result).toEqual({ outcome: "acknowledged" });
    expect(decodeMtAnswer("FAILED,11,No RockBLOCK").result).toMatchObject({ why: "unknown-neighbour" });
    expect(decodeMtAnswer("FAILED,13,Insufficient credit").result).toMatchObject({ why: "budget" });
    expect(decodeMtAnswer("FAILED,15,too long").result).toMatchObject({ why: "too-large" });
    expect(decodeMtAnswer("FAILED,99,System error").result).toMatchObject({ outcome: "deferred" });
    expect(() => decodeMtAnswer("<html>")).toThrow(ProtocolError);
  });
});

describe("money and patience", () => {
  it("tells in the end what was billed, whatever the order of parcels, visits and rings", () => {
    const rng = seededRng(5);
    for (let round = 0; round < 200; round++) {
      const account = new CreditAccount(50, 1);
      let told = 0;
      for (let step = 0; step < 30; step++) {
        const [kind = 0, up = 0, down = 0] = rng.bytes(3);
        if (kind < 128) {
          told += account.forSending() + up / 50;
          account.parcelTold(up);
          account.session(up, kind % 2 ? down : 0);
        } else {
          account.session(0, kind % 2 ? down : 0);
          if (kind > 192) told += account.forCollecting();
        }
      }
      told += account.forCollecting();
      // More can be told than billed by what is not taken back: less than the price of one contact and its parcel.
      expect(told - account.billed).toBeGreaterThan(-1e-6);
      expect(told - account.billed).toBeLessThan(1 + 1e-6);
    }
  });

  it("waits as the vendor's table says, and begins anew after success", () => {
    const clock = new VirtualClock();
    const bounds = [0, 5_000, 5_000, 30_000, 30_000, 300_000];
    const table = new RetryTable(clock, seededRng(2), bounds);
    for (let round = 0; round < 50; round++) {
      for (const bound of bounds) {
        const waitMs = table.failed(0);
        expect(waitMs).toBeLessThanOrEqual(bound);
        expect(table.waitMs).toBe(waitMs);
      }
      expect(table.failed(0)).toBe(300_000);
      expect(table.failed(3_600_000)).toBe(3_600_000);
      table.reset();
      expect(table.waitMs).toBe(0);
    }
  });
});

describe("the configuration", () => {
  const shore = { imeis: ["300434060000001"], listen: "127.0.0.1:1" };
  it.each([
    [{}, "port"],
    [{ port: "COM1" }, "port"],
    [{ port: "/dev/x", parcelBytesMax: 341 }, "parcelBytesMax"],
    [{ port: "/dev/x", retryMs: [] }, "retryMs"],
    [{ port: "/dev/x", ring: "maybe" }, "ring"],
    [{ port: "/dev/x", imeis: [] }, "imeis"],
    [{ role: "directip", listen: "127.0.0.1:1", gateway: "h:1" }, "imeis"],
    [{ role: "directip", ...shore, imeis: [12] }, "imeis"],
    [{ role: "directip", ...shore }, "gateway"],
    [{ role: "rockblock", ...shore, password: "p" }, "username"],
    [{ role: "rockblock", ...shore, username: "u" }, "password"],
    [{ role: "rockblock", ...shore, username: "u", password: "p", service: "ftp://x" }, "service"],
    [{ role: "cable" }, "role"],
  ])("%j is refused at %s", (raw, key) => {
    try {
      sbdPlugin.parse(raw);
      expect.fail("accepted");
    } catch (error) {
      expect((error as ConfigError).place?.key).toBe(key);
    }
  });

  it("packs parcels to whole credits", () => {
    expect(sbdPlugin.parse({ port: "/dev/x" })).toMatchObject({ parcelBytesMax: 300 });
    expect(sbdPlugin.parse({ port: "/dev/x", creditBytes: 1 })).toMatchObject({ parcelBytesMax: 340 });
    expect(sbdPlugin.parse({ role: "directip", ...shore, gateway: "h:1" })).toMatchObject({
      parcelBytesMax: 250,
    });
  });
});
