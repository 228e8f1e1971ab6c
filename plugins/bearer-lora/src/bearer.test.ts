import { seededRng, VirtualClock } from "@estafette/conformance";
import type { Bearer, BearerEvent, BearerHost, SendResult } from "@estafette/contract";
import { createRnodes, type RnodeOptions, type Rnodes } from "@estafette/emulators";
import { describe, expect, it } from "vitest";
import loraPlugin, { LORA_LIMITS } from "./index.js";

const NEVER = new AbortController().signal;

class End {
  readonly events: BearerEvent[] = [];
  readonly logged: string[] = [];
  readonly bearer: Bearer;
  readonly stop = new AbortController();
  ending: unknown = "running";

  constructor(
    readonly clock: VirtualClock,
    boards: Rnodes,
    readonly node: number,
    config: object,
  ) {
    const host: BearerHost = {
      ...{ clock, rng: seededRng(1) },
      log: (_level, message) => this.logged.push(message),
      open: async () => boards.open(node),
      listen: () => Promise.reject(new Error("not here")),
    };
    const raw = { port: "/dev/rnode", frequency: "869.525 MHz", address: node + 1, nodes: [2 - node] };
    this.bearer = loraPlugin.create(loraPlugin.parse({ ...raw, ...config }), host);
    this.run();
  }

  run(): void {
    this.ending = "running";
    const run = async (): Promise<void> => {
      for await (const event of this.bearer.run(this.stop.signal)) this.events.push(event);
    };
    run().then(
      () => {
        this.ending = "ended";
      },
      (error: unknown) => {
        this.ending = error;
      },
    );
  }

  get heard(): number[] {
    return this.events.flatMap((event) => (event.type === "heard" ? [event.bytes.length] : []));
  }

  async send(byteCount: number, to = String(2 - this.node)): Promise<{ result: SendResult; tookMs: number }> {
    const startMs = this.clock.monotonicMs();
    let result: SendResult | null = null;
    void this.bearer.send({ to, bytes: new Uint8Array(byteCount).fill(0xc0) }, NEVER).then((answer) => {
      result = answer;
    });
    for (let step = 0; step < 6_000 && !result; step++) await this.clock.advance(50);
    if (!result) throw new Error("no answer in five minutes");
    return { result, tookMs: this.clock.monotonicMs() - startMs };
  }
}

async function desk(options: Partial<RnodeOptions> = {}, config: object = {}) {
  const clock = new VirtualClock();
  const boards = createRnodes({ ...options, clock });
  const a = new End(clock, boards, 0, config);
  const b = new End(clock, boards, 1, config);
  await clock.advance(10_000);
  return { clock, boards, a, b };
}

describe("setting a board up", () => {
  it("gives it all of its settings", async () => {
    const { a, boards } = await desk({}, { bandwidth: "250 kHz", spreadingFactor: 7, txPower: "10 dBm" });
    expect(a.events).toEqual([{ type: "up", neighbour: "2" }]);
    expect(boards.settings(0)).toEqual({
      ...{ frequencyHz: 869_525_000, bandwidthHz: 250_000, txPowerDbm: 10, spreadingFactor: 7 },
      ...{ codingRate: 5, isOn: true, shortLock: 0, longLock: 1_000 },
    });
    a.stop.abort();
    await a.clock.advance(10);
    expect(boards.settings(0).isOn).toBe(false);
  });

  it("ends the run where it cannot be done, and says why", async () => {
    const cases: [Partial<RnodeOptions>, object, RegExp][] = [
      [{ defects: { isNoRnode: true } }, {}, /no RNode answers/],
      [{ defects: { wrongEcho: true } }, {}, /does not take our frequency of 869525000 Hz/],
      [{ defects: { failsInit: true } }, {}, /cannot start its radio/],
      [{ txPowerDbmMax: 17 }, { txPower: "22 dBm" }, /does not take our power of 22 dBm/],
    ];
    for (const [options, config, why] of cases) {
      const { a, clock } = await desk(options, config);
      expect(a.ending).toMatchObject({
        code: "EST_OPERATING_UNAVAILABLE",
        message: expect.stringMatching(why),
      });
      expect(a.events).toEqual([]);
      expect(clock.pendingTimers).toBeLessThan(2);
    }
  });
});

describe("a parcel", () => {
  it("costs the airtime of the board's own ledger, in one packet or two", async () => {
    const { a, b, boards, clock } = await desk({}, { parcelBytesMax: 506 });
    let countedMs = 0;
    for (const byteCount of [1, 100, 252, 253, 506]) {
      expect((await a.send(byteCount)).result).toEqual({ outcome: "sent" });
      countedMs += a.bearer.airtimeMs(byteCount);
    }
    await clock.advance(3_000);
    expect(b.heard).toEqual([1, 100, 252, 253, 506]);
    expect(boards.ledger(0).frames).toBe(7);
    expect(countedMs).toBeCloseTo(boards.ledger(0).airtimeMs, 3);
  });

  it("is answered when it was on the air, so that an urgent one waits for one", async () => {
    const { a } = await desk();
    const { tookMs } = await a.send(252);
    const airtimeMs = a.bearer.airtimeMs(252);
    expect(tookMs).toBeGreaterThanOrEqual(airtimeMs);
    expect(tookMs).toBeLessThan(airtimeMs + 1_500);
  });

  it("in a board that sends nothing keeps the next one back", async () => {
    const { a, boards } = await desk({ defects: { stuckTransmitter: true } });
    expect((await a.send(100)).result).toEqual({ outcome: "sent" });
    expect((await a.send(100)).result).toMatchObject({ outcome: "deferred", why: "busy" });
    expect(boards.ledger(0).frames).toBe(0);
  });

  it("that finds the board's queue full is busy", async () => {
    const { a, clock } = await desk({ queuePacketsMax: 1, defects: { stuckTransmitter: true } });
    const giveUp = new AbortController();
    const abandoned = a.bearer.send({ to: "2", bytes: new Uint8Array(100) }, giveUp.signal);
    await clock.advance(5);
    giveUp.abort();
    expect(await abandoned).toMatchObject({ outcome: "deferred", why: "timeout" });
    const { result, tookMs } = await a.send(100);
    expect(result).toMatchObject({ outcome: "deferred", why: "busy" });
    expect(tookMs).toBeLessThan(a.bearer.airtimeMs(100));
  });

  it("waits for the hour's budget", async () => {
    const { a, boards } = await desk({}, { frequency: "868.3 MHz" });
    expect(a.bearer.capabilities.airtimeMsPerHourMax).toBe(36_000);
    const results: SendResult[] = [];
    for (let count = 0; count < 60; count++) results.push((await a.send(252)).result);
    expect(results.at(-1)).toMatchObject({ outcome: "deferred", why: "budget" });
    expect(boards.ledger(0).airtimeMs).toBeLessThanOrEqual(36_000);
    expect(boards.ledger(0).airtimeMs).toBeGreaterThan(34_000);
  });

  it("for another gateway, or from a stranger, is not heard", async () => {
    const clock = new VirtualClock();
    const boards = createRnodes({ clock, nodeCount: 3 });
    const a = new End(clock, boards, 0, { nodes: [2, 3] });
    const stranger = new End(clock, boards, 1, { nodes: [9] });
    const friend = new End(clock, boards, 2, { nodes: [1] });
    await clock.advance(10_000);
    expect((await a.send(50, "3")).result).toEqual({ outcome: "sent" });
    expect((await a.send(60, "2")).result).toEqual({ outcome: "sent" });
    await clock.advance(3_000);
    expect([stranger.heard, friend.heard]).toEqual([[], [50]]);
  });
});

describe("a board in trouble", () => {
  it("that is unplugged gives down; plugged again it carries parcels", async () => {
    const { a, b, boards, clock } = await desk();
    const sending = a.send(252);
    await clock.advance(200);
    boards.unplug(0);
    expect((await sending).result).toMatchObject({ outcome: "deferred" });
    expect(a.events.at(-1)).toMatchObject({ type: "down", neighbour: "2" });
    expect(a.ending).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect((await a.send(10)).result).toMatchObject({ outcome: "deferred", why: "no-contact" });
    boards.plug(0);
    a.run();
    await clock.advance(5_000);
    expect((await a.send(10)).result).toEqual({ outcome: "sent" });
    await clock.advance(1_000);
    expect(b.heard).toContain(10);
  });

  it("that was restarted by another program is noticed within a minute", async () => {
    const { a, boards, clock } = await desk();
    const intruder = boards.open(0);
    await clock.advance(LORA_LIMITS.signOfLifeMs + 10_000);
    expect(a.ending).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    intruder.close();
  });
});

describe("configuration", () => {
  const usual = { port: "/dev/rnode", frequency: "869.525 MHz", address: 1, nodes: [2] };
  const parse = (raw: unknown) => loraPlugin.parse(raw);

  it("has defaults for what need not be said", () => {
    expect(parse(usual)).toEqual({
      ...{ url: "serial:/dev/rnode?baud=115200", module: "rnode", address: 1, nodes: [2] },
      modulation: {
        ...{ frequencyHz: 869_525_000, bandwidthHz: 125_000, spreadingFactor: 8, codingRate: 5 },
        ...{ txPowerDbm: 14, preambleSymbols: 18 },
      },
      ...{ parcelBytesMax: 252, answerMs: 500, airtimeMsPerHourMax: 360_000 },
    });
    const shares = ["868.3 MHz", "868.95 MHz", "869.85 MHz", "433.5 MHz", "915 MHz"];
    expect(
      shares.map((frequency) => parse({ ...usual, frequency, parcelBytesMax: 48 }).airtimeMsPerHourMax),
    ).toEqual([36_000, 3_600, 36_000, 360_000, 360_000]);
  });

  it("names the key and the fix", () => {
    const cases: [object | null, string, RegExp][] = [
      [null, "", /write port/],
      [{ ...usual, port: undefined }, "port", /add port/],
      [{ ...usual, port: "ttyUSB0" }, "port", /absolute path/],
      [{ ...usual, frequency: undefined }, "frequency", /add frequency/],
      [{ ...usual, frequency: 869_525_000 }, "frequency", /with its unit, as 869.525 MHz/],
      [{ ...usual, frequency: "10 kHz" }, "frequency", /100 MHz to 3 GHz/],
      [{ ...usual, bandwidth: "100 kHz" }, "bandwidth", /one of 7800/],
      [{ ...usual, txPower: "40 dBm" }, "txPower", /0 dBm to 30 dBm/],
      [{ ...usual, spreadingFactor: 13 }, "spreadingFactor", /5 to 12/],
      [{ ...usual, codingRate: 4 }, "codingRate", /5 to 8/],
      [{ ...usual, address: undefined }, "address", /unlike all others/],
      [{ ...usual, address: 255 }, "address", /1 to 254/],
      [{ ...usual, nodes: undefined }, "nodes", /list of the far gateways/],
      [{ ...usual, nodes: [1] }, "nodes", /leave out our own/],
      [{ ...usual, nodes: [] }, "nodes", /such as \[2\]/],
      [{ ...usual, parcelBytesMax: 507 }, "parcelBytesMax", /48 to 506/],
      [{ ...usual, module: "meshcore" }, "module", /write rnode/],
      [{ ...usual, speed: 1 }, "speed", /known keys are port/],
      [{ ...usual, airtimeMsPerHourMax: 10 }, "airtimeMsPerHourMax", /at least \d+ ms/],
    ];
    for (const [raw, key, fix] of cases) {
      const failure = expect.objectContaining({
        place: expect.objectContaining({ key }),
        message: expect.stringMatching(fix),
      });
      expect(() => parse(raw), JSON.stringify(raw)).toThrow(failure);
    }
  });
});
