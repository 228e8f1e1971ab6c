import { seededRng, VirtualClock } from "@estafette/conformance";
import type { Bearer, BearerEvent, BearerHost, ByteLink, SendResult } from "@estafette/contract";
import { createRadioPair, type RadioPair } from "@estafette/emulators";
import { encodeSerialFrame } from "@estafette/framing";
import { describe, expect, it } from "vitest";
import serialPlugin from "./index.js";

const NEVER = new AbortController().signal;

interface Desk {
  readonly clock: VirtualClock;
  readonly bearer: Bearer;
  readonly events: BearerEvent[];
  readonly logged: string[];
  readonly ending: () => unknown;
  readonly stop: AbortController;
}

function desk(config: object, open: (clock: VirtualClock) => ByteLink): Desk {
  const clock = new VirtualClock();
  const events: BearerEvent[] = [];
  const logged: string[] = [];
  const stop = new AbortController();
  const host: BearerHost = {
    clock,
    rng: seededRng(1),
    log: (_level, message) => logged.push(message),
    open: async () => open(clock),
    listen: () => Promise.reject(new Error("not here")),
  };
  const bearer = serialPlugin.create(serialPlugin.parse({ port: "/dev/modem", ...config }), host);
  let ending: unknown = "running";
  const run = async (): Promise<void> => {
    for await (const event of bearer.run(stop.signal)) events.push(event);
  };
  run().then(
    () => {
      ending = "ended";
    },
    (error: unknown) => {
      ending = error;
    },
  );
  return { clock, bearer, events, logged, ending: () => ending, stop };
}

/** A port that notes what it was given and takes it when told. */
function slowPort(): ByteLink & { readonly written: number[]; take(): void } {
  let closed = (): void => {};
  const waiting: (() => void)[] = [];
  const written: number[] = [];
  const over = new Promise<void>((resolve) => {
    closed = resolve;
  });
  return {
    remote: "slow",
    written,
    readable: {
      [Symbol.asyncIterator]: () => ({
        next: () => over.then(() => ({ done: true as const, value: undefined })),
      }),
    },
    write(bytes) {
      written.push(bytes.length);
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    take: () => waiting.shift()?.(),
    close: closed,
  };
}

describe("pacing", () => {
  const RADIO = { bitsPerSecond: 1_200, turnaroundMs: 200 };

  it("answers when the modem should be free, and no sooner", async () => {
    const port = slowPort();
    const { clock, bearer } = desk({ ...RADIO, frameOverheadMs: 200 }, () => port);
    await clock.advance(0);
    const startMs = clock.monotonicMs();
    const sending = bearer.send({ to: "", bytes: new Uint8Array(250) }, NEVER);
    const airtimeMs = bearer.airtimeMs(250);
    expect(airtimeMs).toBeCloseTo(((250 + 4 + 2 + 2) * 8_000) / 1_200);
    await clock.advance(1);
    port.take();
    let answer: SendResult | null = null;
    void sending.then((result) => {
      answer = result;
    });
    await clock.advance(airtimeMs + 200 - 2);
    expect(answer).toBeNull();
    await clock.advance(2);
    expect(answer).toEqual({ outcome: "sent" });
    expect(clock.monotonicMs() - startMs).toBeCloseTo(airtimeMs + 201);
  });

  it("an urgent parcel behind a long transfer waits for at most one parcel", async () => {
    let radio: RadioPair | null = null;
    const { clock, bearer } = desk({ ...RADIO, parcelBytesMax: 255 }, (now) => {
      radio ??= createRadioPair({ ...RADIO, clock: now });
      return radio.open("a");
    });
    await clock.advance(0);
    let urgentAtMs = Number.POSITIVE_INFINITY;
    let heardAtMs = 0;
    const observed = radio as RadioPair | null;
    const far = observed?.open("b");
    void (async () => {
      for await (const bytes of far?.readable ?? []) {
        if (bytes.length < 60) heardAtMs ||= clock.monotonicMs();
      }
    })();
    let transferring = true;
    const transfer = async (): Promise<void> => {
      while (transferring) await bearer.send({ to: "", bytes: new Uint8Array(255).fill(1) }, NEVER);
    };
    const running = transfer();
    await clock.advance(30_500);
    transferring = false;
    urgentAtMs = clock.monotonicMs();
    const urgent = running.then(() => bearer.send({ to: "", bytes: new Uint8Array(40).fill(2) }, NEVER));
    await clock.advance(10_000);
    await urgent;
    const gapsMs = 4 * RADIO.turnaroundMs + 200;
    const boundMs = bearer.airtimeMs(255) + gapsMs + bearer.airtimeMs(40) + gapsMs;
    expect(heardAtMs).toBeGreaterThan(urgentAtMs);
    expect(heardAtMs - urgentAtMs).toBeLessThan(boundMs);
    observed?.close();
  });

  it("on a half-duplex channel, what it hears puts off the next parcel", async () => {
    let hear = (_bytes: Uint8Array): void => {};
    const incoming = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield await new Promise<Uint8Array>((resolve) => {
          hear = resolve;
        });
      }
    };
    const port = { ...slowPort(), readable: incoming(), write: async () => {} };
    const { clock, bearer } = desk({ ...RADIO, frameOverheadMs: 200 }, () => port);
    await clock.advance(0);
    const startMs = clock.monotonicMs();
    let doneMs = 0;
    void bearer.send({ to: "", bytes: new Uint8Array(100) }, NEVER).then(() => {
      doneMs = clock.monotonicMs();
    });
    await clock.advance(600);
    hear(encodeSerialFrame(new Uint8Array(60).fill(3)));
    await clock.advance(20_000);
    const alone = bearer.airtimeMs(100) + 200;
    expect(doneMs - startMs).toBeGreaterThan(alone + 500);
    expect(doneMs - startMs).toBeLessThanOrEqual(alone + 700);
  });
});

describe("a port in trouble", () => {
  it("that is unplugged gives down, and the run ends with an error that can be retried", async () => {
    let radio: RadioPair | null = null;
    const { clock, bearer, events, ending } = desk({}, (now) => {
      radio ??= createRadioPair({ clock: now });
      return radio.open("a");
    });
    await clock.advance(0);
    expect(events).toEqual([{ type: "up", neighbour: "" }]);
    (radio as RadioPair | null)?.unplug("a");
    await clock.advance(0);
    expect(events.at(-1)).toEqual({ type: "down", neighbour: "", why: "the port is gone" });
    expect(ending()).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    const result = await bearer.send({ to: "", bytes: new Uint8Array(48) }, NEVER);
    expect(result).toMatchObject({ outcome: "deferred", why: "no-contact" });
  });

  it("that takes nothing is closed, and says so", async () => {
    const { clock, bearer, events, ending } = desk({ bitsPerSecond: 1_200 }, slowPort);
    await clock.advance(0);
    const sending = bearer.send({ to: "", bytes: new Uint8Array(48) }, NEVER);
    await clock.advance(60_000);
    expect(await sending).toMatchObject({ outcome: "deferred", why: "timeout" });
    expect(events.at(-1)).toMatchObject({ type: "down", why: "the port takes no data" });
    expect(ending()).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect(clock.pendingTimers).toBe(0);
  });

  it("that is only noise is logged now and then, not for each burst", async () => {
    const noise = seededRng(5);
    const noisy = async function* (): AsyncGenerator<Uint8Array> {
      for (let burst = 0; burst < 100; burst++) yield noise.bytes(1_000);
      await new Promise(() => {});
    };
    const { clock, events, logged } = desk({}, () => ({ ...slowPort(), readable: noisy() }));
    for (let turn = 0; turn < 20; turn++) await clock.advance(1);
    expect(events).toHaveLength(1);
    expect(logged.length).toBeGreaterThan(5);
    expect(logged.length).toBeLessThanOrEqual(25);
  });
});

describe("configuration", () => {
  const parse = (raw: unknown) => serialPlugin.parse(raw);

  it("has defaults for all but the port", () => {
    expect(parse({ port: "/dev/ttyUSB0" })).toEqual({
      ...{ port: "/dev/ttyUSB0", baud: 9_600, parcelBytesMax: 255, bitsPerSecond: 7_680, turnaroundMs: 0 },
      frameOverheadMs: 33,
      ...{ duplex: "half", answerMs: 250, airtimeMsPerHourMax: null, rtscts: false },
    });
  });

  it("names the key and the fix", () => {
    const cases: [unknown, string, RegExp][] = [
      [null, "", /write port/],
      [{}, "port", /add port/],
      [{ port: "ttyUSB0" }, "port", /absolute path/],
      [{ port: "/dev/x?baud=1" }, "port", /absolute path/],
      [{ port: "/dev/x", speed: 1 }, "speed", /known keys are port, baud/],
      [{ port: "/dev/x", baud: "fast" }, "baud", /300 to 921600/],
      [{ port: "/dev/x", parcelBytesMax: 47 }, "parcelBytesMax", /48 to 1500/],
      [{ port: "/dev/x", duplex: "both" }, "duplex", /half or full/],
      [{ port: "/dev/x", content: "any" }, "content", /known keys/],
      [{ port: "/dev/x", rtscts: 1 }, "rtscts", /true or false/],
      [
        { port: "/dev/x", bitsPerSecond: 1_200, airtimeMsPerHourMax: 10 },
        "airtimeMsPerHourMax",
        /at least 1754/,
      ],
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
