import type { ByteLink, Clock } from "@estafette/contract";
import { beforeEach, describe, expect, it } from "vitest";
import { createBytePipe } from "./byte-pipe.js";
import { moMessage, serveMt } from "./sbd-direct-ip.js";
import { type MobileOriginated, SbdGateway } from "./sbd-gateway.js";
import { SbdModem, type SbdModemSetup } from "./sbd-modem.js";

/** Time that passes when told. */
class HandClock implements Clock {
  nowMs = 0;
  #timers: { atMs: number; run: () => void }[] = [];
  monotonicMs = () => this.nowMs;
  bootId = () => "test";
  unixMs = () => 1_782_000_000_000 + this.nowMs;
  trust = () => "trusted" as const;
  timer(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }
  async pass(durationMs: number): Promise<void> {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.#timers.filter((one) => one.atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }
}

let clock: HandClock;
let ashore: MobileOriginated[];
let gateway: SbdGateway;
beforeEach(() => {
  clock = new HandClock();
  ashore = [];
  const deliver = async (message: MobileOriginated) => ashore.push(message) > 0;
  gateway = new SbdGateway({ clock, deliver });
});

const IMEI = "300434060000001";

/** A modem and a person typing. */
function desk(options: Partial<SbdModemSetup> = {}) {
  const modem = new SbdModem({ clock, gateway, ...options });
  const port: ByteLink = modem.open();
  let said = "";
  void (async () => {
    for await (const chunk of port.readable) said += String.fromCharCode(...chunk);
  })();
  const type = async (text: string | Uint8Array, waitMs = 0): Promise<string> => {
    said = "";
    await port.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
    await clock.pass(waitMs);
    return said;
  };
  return { modem, type, said: () => said };
}

const hello = Uint8Array.of(0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x02, 0x14);

describe("a 9602", () => {
  it("echoes until told not to", async () => {
    const { type } = desk();
    expect(await type("AT\r")).toBe("AT\r\r\nOK\r\n");
    expect(await type("ATE0\r")).toBe("ATE0\r\r\nOK\r\n");
    expect(await type("AT\r")).toBe("\r\nOK\r\n");
    expect(await type("AT+NONSENSE\r")).toBe("\r\nERROR\r\n");
  });

  it("takes binary data with its checksum, refuses a wrong one, a wrong length, and gives up after a minute", async () => {
    const { type } = desk();
    await type("ATE0\r");
    expect(await type("AT+SBDWB=5\r")).toBe("\r\nREADY\r\n");
    expect(await type(hello)).toBe("\r\n0\r\n\r\nOK\r\n");
    await type("AT+SBDWB=5\r");
    expect(await type(hello.map((byte, at) => (at === 6 ? 0x15 : byte)))).toBe("\r\n2\r\n\r\nOK\r\n");
    for (const count of [0, 341]) expect(await type(`AT+SBDWB=${count}\r`)).toBe("\r\n3\r\n\r\nOK\r\n");
    expect(await type("AT+SBDWB=5\r", 60_001)).toBe("\r\nREADY\r\n\r\n1\r\n");
  });

  it("sends, keeps its outgoing buffer after success, and sends it again until cleared", async () => {
    const { type } = desk();
    await type("ATE0\r");
    await type("AT+SBDWB=5\r");
    await type(hello);
    expect(await type("AT+SBDIX\r", 20_000)).toBe("\r\n+SBDIX: 0, 0, 0, 0, 0, 0\r\n\r\nOK\r\n");
    expect(await type("AT+SBDIX\r", 20_000)).toBe("\r\n+SBDIX: 0, 1, 0, 0, 0, 0\r\n\r\nOK\r\n");
    await type("AT+SBDD0\r");
    await type("AT+SBDIX\r", 20_000);
    expect(ashore.map(({ momsn, payload }) => [momsn, payload.length])).toEqual([
      [0, 5],
      [1, 5],
      [2, 0],
    ]);
    expect(gateway.bill(IMEI)).toEqual({ up: 2, down: 0, empty: 1 });
  });

  it("loses the reply after the gateway took the message, and does not count on", async () => {
    const { type, modem } = desk({ spaces: false });
    await type("ATE0\r");
    await type("AT+SBDWB=5\r");
    await type(hello);
    modem.script("reply-lost", 35);
    expect(await type("AT+SBDIX\r", 20_000)).toContain("+SBDIX: 18,0,2,0,0,0\r\n");
    expect(await type("AT+SBDIX\r", 45_000)).toContain("+SBDIX: 35,0,2,0,0,0\r\n");
    expect(await type("AT+SBDIX\r", 20_000)).toContain("+SBDIX: 0,0,0,0,0,0\r\n");
    expect(ashore.map(({ momsn }) => momsn)).toEqual([0, 0]);
  });

  it("brings one message down in each session, says how many wait, and keeps it until cleared", async () => {
    const { type, said } = desk();
    await type("ATE0\rAT+SBDMTA=1\rAT+SBDREG\r");
    expect(gateway.enqueue(IMEI, Uint8Array.of(7, 8))).toBe(1);
    expect(gateway.enqueue(IMEI, Uint8Array.of(9))).toBe(2);
    await clock.pass(3_000);
    expect(said()).toContain("\r\nSBDRING\r\n");
    expect(await type("AT+SBDIXA\r", 20_000)).toContain("+SBDIX: 0, 0, 1, 1, 2, 1\r\n");
    const block = "\u0000\u0002\u0007\u0008\u0000\u000f\r\nOK\r\n";
    expect(await type("AT+SBDRB\r")).toBe(block);
    expect(await type("AT+SBDRB\r")).toBe(block);
    expect(await type("AT+SBDSX\r")).toContain("+SBDSX: 0, 1, 1, 1, 1, 0");
    await type("AT+SBDD1\r");
    expect(await type("AT+SBDRB\r")).toBe("\u0000\u0000\u0000\u0000\r\nOK\r\n");
  });

  it("has no network when the satellites are gone, and says so when asked to", async () => {
    const { type, modem, said } = desk();
    await type("ATE0\rAT+CIER=1,1,1\r");
    modem.setService(false);
    await clock.pass(0);
    expect(said()).toContain("+CIEV:1,0");
    expect(await type("AT+SBDIX\r", 45_000)).toContain("+SBDIX: 32, 0, 2, 0, 0, 0");
    expect(await type("AT-MSSTM\r")).toContain("-MSSTM: no network service");
  });

  it("forgets its buffers and settings with its power, and spits", async () => {
    const { type, modem, said } = desk({ garbageBytes: 20 });
    await type("ATE0\rAT+SBDWB=5\r");
    await type(hello);
    await type("");
    modem.powerCycle();
    await clock.pass(0);
    expect(said()).toHaveLength(20);
    expect(await type("AT+SBDS\r")).toBe("AT+SBDS\r\r\n+SBDS: 0, 0, 0, -1\r\n\r\nOK\r\n");
  });
});

describe("the satellite gateway", () => {
  it("keeps fifty messages for each modem, five days long, and refuses what it must", async () => {
    desk();
    expect(gateway.enqueue("300434060000009", Uint8Array.of(1))).toBe(-2);
    expect(gateway.enqueue(IMEI, new Uint8Array(271))).toBe(-3);
    expect(gateway.enqueue(IMEI, new Uint8Array(0))).toBe(-4);
    for (let place = 1; place <= 50; place++) expect(gateway.enqueue(IMEI, Uint8Array.of(place))).toBe(place);
    expect(gateway.enqueue(IMEI, Uint8Array.of(51))).toBe(-5);
    expect(gateway.enqueue(IMEI, Uint8Array.of(51), true)).toBe(1);
    clock.nowMs += 5 * 86_400_000;
    expect(gateway.enqueue(IMEI, Uint8Array.of(2))).toBe(1);
  });

  it("hands a message over until it is taken", async () => {
    let refusals = 2;
    const deliver = async (message: MobileOriginated) => refusals-- <= 0 && ashore.push(message) > 0;
    gateway = new SbdGateway({ clock, deliver });
    gateway.subscribe(IMEI, () => {});
    gateway.session(IMEI, 0, Uint8Array.of(1), false);
    await clock.pass(9_000);
    expect(ashore).toHaveLength(0);
    await clock.pass(2_000);
    expect(ashore).toHaveLength(1);
  });

  it("speaks DirectIP as in a captured example, and adds a location", () => {
    const message = moMessage({
      ...{ cdr: 0, imei: "527695889002193", momsn: 0, mtmsn: 0x6b, unixS: 0x0169f603 },
      payload: hello.subarray(0, 5),
    });
    const imei = Buffer.from("527695889002193").toString("hex");
    const captured = `01001c00000000${imei}000000006b0169f60302000568656c6c6f`;
    expect(
      Buffer.from(message)
        .toString("hex")
        .slice(0, 6 + captured.length),
    ).toBe(`010035${captured}`);
    expect(message.length).toBe(56);
  });

  it("answers a message for a ship with its place, or why not", async () => {
    desk();
    const ask = async (imei: string, payload: readonly number[]): Promise<number> => {
      const [caller, served] = createBytePipe("caller", "gateway");
      const header = [0x41, 0, 21, 1, 2, 3, 4, ...Buffer.from(imei), 0, 0];
      const content = payload.length > 0 ? [0x42, 0, payload.length, ...payload] : [];
      const serving = serveMt(gateway, served);
      await caller.write(Uint8Array.of(1, 0, header.length + content.length, ...header, ...content));
      await serving;
      const answer: number[] = [];
      for await (const chunk of caller.readable) answer.push(...chunk);
      expect(answer.slice(0, 10)).toEqual([1, 0, 28, 0x44, 0, 25, 1, 2, 3, 4]);
      return Buffer.from(answer).readInt16BE(answer.length - 2);
    };
    expect(await ask(IMEI, [1, 2])).toBe(1);
    expect(await ask(IMEI, [])).toBe(-4);
    expect(await ask("300434060000009", [1])).toBe(-2);
    expect(await ask("not a number!!!", [1])).toBe(-1);
  });
});
