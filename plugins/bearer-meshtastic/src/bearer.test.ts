import { seededRng, VirtualClock } from "@estafette/conformance";
import type { Bearer, BearerEvent, BearerHost, SendResult } from "@estafette/contract";
import {
  createMeshtasticMesh,
  type HostCable,
  type MeshtasticMesh,
  type MeshtasticOptions,
} from "@estafette/emulators";
import { describe, expect, it } from "vitest";
import meshtasticPlugin, { MESHTASTIC_LIMITS } from "./index.js";

const NEVER = new AbortController().signal;
const A = "!0e570001";
const B = "!0e570002";

class End {
  readonly events: BearerEvent[] = [];
  ending: unknown = "running";
  readonly logged: string[] = [];
  readonly bearer: Bearer;
  readonly stop = new AbortController();

  constructor(
    readonly clock: VirtualClock,
    mesh: MeshtasticMesh,
    node: number,
    config: object,
    cable: HostCable = "serial",
  ) {
    const host: BearerHost = {
      clock,
      rng: seededRng(node + 1),
      log: (_level, message) => this.logged.push(message),
      open: async () => mesh.open(node, cable),
      listen: () => Promise.reject(new Error("not here")),
    };
    const raw = { port: "/dev/radio", nodes: [node === 0 ? B : A], ...config };
    this.bearer = meshtasticPlugin.create(meshtasticPlugin.parse(raw), host);
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

  get ups(): string[] {
    return this.events.flatMap((event) => (event.type === "up" ? [event.neighbour] : []));
  }

  get heard(): number[] {
    return this.events.flatMap((event) => (event.type === "heard" ? [event.bytes.length] : []));
  }

  /** Sends, lets time pass until there is an answer, and says how long that took. */
  async send(byteCount: number, to = this.ups[0] ?? ""): Promise<{ result: SendResult; tookMs: number }> {
    const startMs = this.clock.monotonicMs();
    let result: SendResult | null = null;
    void this.bearer.send({ to, bytes: new Uint8Array(byteCount).fill(7) }, NEVER).then((answer) => {
      result = answer;
    });
    for (let step = 0; step < 3_000 && !result; step++) await this.clock.advance(100);
    if (!result) throw new Error("no answer in five minutes");
    return { result, tookMs: this.clock.monotonicMs() - startMs };
  }
}

/** Time in small steps: a handshake is many promises and few timers. */
async function pass(clock: VirtualClock, durationMs: number): Promise<void> {
  for (let step = 0; step < 100; step++) await clock.advance(durationMs / 100);
}

async function desk(
  options: Partial<MeshtasticOptions> = {},
  config: object = {},
  cable: HostCable = "serial",
) {
  const clock = new VirtualClock();
  const mesh = createMeshtasticMesh({ preset: "ShortFast", ...options, clock });
  const a = new End(clock, mesh, 0, config, cable);
  const b = new End(clock, mesh, 1, config, cable);
  await pass(clock, 1_000);
  return { clock, mesh, a, b };
}

describe("the radio's handshake", () => {
  it("gives preset, region and neighbours", async () => {
    const { a, b, mesh } = await desk({ preset: "LongModerate", region: "EU_868" });
    expect(a.ups).toEqual([B]);
    expect(b.ups).toEqual([A]);
    const { capabilities } = a.bearer;
    expect(capabilities).toMatchObject({ parcelBytesMax: 219, airtimeMsPerHourMax: 360_000, content: "any" });
    expect(Math.round(capabilities.bitsPerSecond ?? 0)).toBe(336);
    expect(a.events[0]).toEqual({ type: "capabilities", capabilities });
    expect(mesh.ledger(0).frames).toBe(0);
  });

  it("names every node of the database where none is configured, and no more than the bound", async () => {
    const { a } = await desk({ strangerCount: 3 }, { nodes: [] });
    expect(a.ups).toEqual([B, "!a0000000", "!a0000001", "!a0000002"]);
    const many = await desk({ strangerCount: 600 }, { nodes: [] });
    expect(many.a.ups).toHaveLength(MESHTASTIC_LIMITS.neighboursMax);
  });

  it("of a radio without the channel ends the run, and says which it has", async () => {
    const { a } = await desk({}, { channel: "ours" });
    expect(a.ending).toMatchObject({
      code: "EST_OPERATING_UNAVAILABLE",
      message: expect.stringContaining('no channel "ours"; it has 0 "LongFast", 1 "estafette"'),
    });
  });

  it("of a licensed radio that would encrypt ends the run; without a key it is clear-signed", async () => {
    const keyed = await desk({ isLicensed: true });
    expect(keyed.a.ending).toMatchObject({ message: expect.stringContaining("has a key") });
    const clear = [{ name: "estafette", key: new Uint8Array(16) }];
    const ham = await desk({ isLicensed: true, channels: clear });
    expect(ham.a.ups).toEqual([B]);
    expect(ham.a.bearer.capabilities.content).toBe("clear-signed");
  });

  it("that never completes is tried three times, and the run ends", async () => {
    const { clock, a } = await desk({ defects: { neverCompletes: true } });
    await clock.advance(70_000);
    expect(a.ending).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect(a.events).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("airtime", () => {
  for (const [mode, config] of [
    ["direct", {}],
    ["channel", { mode: "channel" }],
  ] as const) {
    it(`${mode}: is what the radio's own ledger says`, async () => {
      const { a, b, mesh, clock } = await desk(
        { preset: "MediumFast", hopLimit: 0 },
        { hopLimit: 1, ...config },
      );
      let countedMs = 0;
      for (const size of [1, 48, 110, 130, 160, a.bearer.capabilities.parcelBytesMax]) {
        const { result } = await a.send(size);
        expect(result).toEqual({ outcome: "sent" });
        countedMs += a.bearer.airtimeMs(size);
        await clock.advance(2_000);
      }
      expect(b.heard).toHaveLength(6);
      expect(countedMs).toBeCloseTo(mesh.ledger(0).airtimeMs, 3);
    });
  }

  it("the hour's budget is kept by the bearer before the radio has to", async () => {
    const { a, mesh } = await desk({ preset: "LongFast" }, { airtimeMsPerHourMax: 30_000 });
    const results: SendResult[] = [];
    for (let count = 0; count < 20; count++) results.push((await a.send(200)).result);
    expect(results.at(-1)).toMatchObject({ outcome: "deferred", why: "budget" });
    expect(mesh.ledger(0).airtimeMs).toBeLessThanOrEqual(30_000);
    expect(mesh.ledger(0).airtimeMs).toBeGreaterThan(25_000);
  });

  it("the radio's duty cycle is budget, too", async () => {
    const { a } = await desk({ preset: "LongModerate", hopLimit: 0 }, { airtimeMsPerHourMax: 3_600_000 });
    expect(a.bearer.capabilities.airtimeMsPerHourMax).toBe(360_000);
    const results: SendResult[] = [];
    for (let count = 0; count < 60; count++) results.push((await a.send(219)).result);
    expect(results.filter(({ outcome }) => outcome === "sent").length).toBeGreaterThan(40);
    expect(results.at(-1)).toMatchObject({ outcome: "deferred", why: "budget" });
  });
});

describe("a parcel", () => {
  it("is answered when the radio is free again, so that an urgent one waits for one parcel", async () => {
    const { a } = await desk({ preset: "LongFast" });
    const { tookMs } = await a.send(219);
    const airtimeMs = a.bearer.airtimeMs(219);
    expect(tookMs).toBeGreaterThanOrEqual(airtimeMs);
    expect(tookMs).toBeLessThan(airtimeMs + 2_500);
  });

  it("too large for this firmware is refused, and the link shrinks", async () => {
    const { a } = await desk({ reservedBytes: 8 });
    expect((await a.send(219)).result).toEqual({ outcome: "refused", why: "too-large" });
    const { capabilities } = a.bearer;
    expect(capabilities.parcelBytesMax).toBe(207);
    expect(a.events.at(-1)).toEqual({ type: "capabilities", capabilities });
    expect((await a.send(207)).result).toEqual({ outcome: "sent" });
  });

  it("finds a full queue busy, and does not add to it", async () => {
    const { a, mesh } = await desk({ defects: { stuckTransmitter: true } });
    expect((await a.send(48)).result).toEqual({ outcome: "sent" });
    expect((await a.send(48)).result).toMatchObject({ outcome: "sent" });
    for (let count = 0; count < 8; count++) await a.send(48);
    expect((await a.send(48)).result).toMatchObject({ outcome: "deferred", why: "busy" });
    expect(mesh.ledger(0).frames).toBe(0);
  });

  it("that wants an acknowledgement gets it, or NAK 5 is a timeout and its repeats are counted", async () => {
    const { a, mesh } = await desk({}, { acknowledge: true, airtimeMsPerHourMax: 5_000 });
    expect((await a.send(100)).result).toEqual({ outcome: "acknowledged" });
    mesh.setCut(true);
    const framesBefore = mesh.ledger(0).frames;
    expect((await a.send(100)).result).toMatchObject({ outcome: "deferred", why: "timeout" });
    expect(mesh.ledger(0).frames - framesBefore).toBe(3);
    let counted = 4;
    while ((await a.send(100)).result.outcome !== "deferred" || counted === 4) counted += 3;
    const leftMs = 5_000 - mesh.ledger(0).airtimeMs;
    expect(leftMs).toBeGreaterThanOrEqual(0);
  });

  it("for all on the channel reaches the one it is for", async () => {
    const { a, b, mesh, clock } = await desk({ nodeCount: 3 }, { mode: "channel" });
    const c = new End(clock, mesh, 2, { mode: "channel" });
    await pass(clock, 1_000);
    await a.send(230);
    await pass(clock, 5_000);
    expect([b.heard, c.heard]).toEqual([[230], []]);
  });

  it("from a node that is not configured is not heard", async () => {
    const { a, b, clock } = await desk({ nodeCount: 3 }, { nodes: ["!0e570003"] });
    await a.send(48, B);
    await pass(clock, 5_000);
    expect(b.heard).toEqual([]);
  });
});

describe("a radio in trouble", () => {
  it("that restarts on a serial port is greeted again, and the parcel in it is not called sent", async () => {
    const { a, b, mesh, clock } = await desk({ preset: "LongFast" });
    const sending = a.send(219);
    await clock.advance(300);
    mesh.reboot(0);
    expect((await sending).result).toMatchObject({ outcome: "deferred" });
    await pass(clock, 10_000);
    expect(a.events.filter(({ type }) => type !== "capabilities").map(({ type }) => type)).toEqual([
      "up",
      "down",
      "up",
    ]);
    expect(a.ending).toBe("running");
    expect((await a.send(50)).result).toEqual({ outcome: "sent" });
    await pass(clock, 5_000);
    expect(b.heard).toContain(50);
  });

  it("that restarts without a word hears us again within a quarter of an hour", async () => {
    const { a, b, mesh, clock } = await desk({ defects: { restartsSilently: true } });
    mesh.reboot(1);
    await pass(clock, 10_000);
    await a.send(48);
    await pass(clock, 5_000);
    expect(b.heard).toEqual([]);
    await clock.advance(MESHTASTIC_LIMITS.nodesEveryMs + 60_000);
    expect(b.heard).toEqual([48]);
  });

  it("whose TCP connection ends gives down, and the run ends with an error that can be retried", async () => {
    const { a, mesh, clock } = await desk({}, { port: undefined, address: "radio.local" }, "tcp");
    mesh.reboot(0);
    await clock.advance(1);
    expect(a.events.at(-1)).toMatchObject({ type: "down", neighbour: B });
    expect(a.ending).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    a.run();
    await clock.advance(1);
    expect(a.ending).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    await pass(clock, 6_000);
    a.run();
    await pass(clock, 1_000);
    expect(a.events.at(-1)).toEqual({ type: "up", neighbour: B });
    mesh.open(0, "tcp");
    await clock.advance(1);
    expect(a.ending).toMatchObject({ message: expect.stringContaining("closed the connection") });
  });

  it("that falls silent is noticed by the sign of life", async () => {
    const clock = new VirtualClock();
    const mesh = createMeshtasticMesh({ clock, bootMs: 600_000 });
    const a = new End(clock, mesh, 0, {});
    await pass(clock, 1_000);
    mesh.reboot(0);
    await clock.advance(MESHTASTIC_LIMITS.heartbeatMs + 20_000);
    expect(a.ending).toMatchObject({ message: expect.stringContaining("fallen silent") });
    expect(a.events.at(-1)).toMatchObject({ type: "down", neighbour: B });
  });

  it("that is unplugged in the middle of a parcel answers with a value", async () => {
    const { a, mesh, clock } = await desk({ preset: "LongFast" });
    const sending = a.send(219);
    await clock.advance(300);
    mesh.unplug(0);
    expect((await sending).result).toMatchObject({ outcome: "deferred" });
    expect(a.ending).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect((await a.send(48, B)).result).toMatchObject({ outcome: "deferred", why: "no-contact" });
  });
});

describe("configuration", () => {
  const parse = (raw: unknown) => meshtasticPlugin.parse(raw);

  it("has defaults for all but the port", () => {
    expect(parse({ port: "/dev/ttyACM0" })).toEqual({
      ...{ url: "serial:/dev/ttyACM0?baud=115200", channel: "estafette", mode: "direct", nodes: [] },
      ...{ parcelBytesMax: 219, appPort: 256, hopLimit: 3, acknowledge: false },
      ...{ answerMs: 2_000, airtimeMsPerHourMax: 360_000 },
    });
    expect(parse({ address: "radio.local", mode: "channel" })).toMatchObject({
      url: "tcp:radio.local:4403",
      parcelBytesMax: 230,
    });
    expect(parse({ address: "[fd00::1]" })).toMatchObject({ url: "tcp:[fd00::1]:4403" });
    expect(parse({ address: "10.0.0.7:9", nodes: ["!A1B2C3D4"] })).toMatchObject({ nodes: [0xa1b2c3d4] });
  });

  it("names the key and the fix", () => {
    const cases: [unknown, string, RegExp][] = [
      [null, "", /write port/],
      [{}, "port", /add port/],
      [{ port: "/dev/x", address: "h" }, "address", /not both/],
      [{ port: "ttyACM0" }, "port", /absolute path/],
      [{ address: "h:x" }, "address", /host:port/],
      [{ port: "/dev/x", speed: 1 }, "speed", /known keys are port, baud/],
      [{ port: "/dev/x", baud: 1 }, "baud", /9600 to 921600/],
      [{ port: "/dev/x", channel: 8 }, "channel", /0 to 7/],
      [{ port: "/dev/x", nodes: ["a1"] }, "nodes", /list of node names/],
      [{ port: "/dev/x", mode: "channel", nodes: ["!00000101", "!00000201"] }, "nodes", /mode: direct/],
      [{ port: "/dev/x", parcelBytesMax: 220 }, "parcelBytesMax", /48 to 219/],
      [{ port: "/dev/x", appPort: 1 }, "appPort", /256 to 511/],
      [{ port: "/dev/x", hopLimit: 8 }, "hopLimit", /0 to 7/],
      [{ port: "/dev/x", mode: "both" }, "mode", /direct or channel/],
      [{ port: "/dev/x", acknowledge: 1 }, "acknowledge", /true or false/],
      [{ port: "/dev/x", acknowledge: true, mode: "channel" }, "acknowledge", /write false/],
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
