import { countingClock, seededRng, VirtualClock } from "@estafette/conformance";
import { type BearerEvent, type BearerHost, type ByteLink, OperatingError } from "@estafette/contract";
import { createPacketRadio, type PacketEvent, type PacketRadio } from "@estafette/emulators";
import { Feed, type KissFrame, KissReader, kissEncode } from "@estafette/framing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeIdentification, encodeUi } from "./ax25.js";
import { parseCallSign } from "./call-sign.js";
import kissPlugin, { KISS_LIMITS } from "./index.js";

const call = (text: string) => parseCallSign(text) ?? { call: "", ssid: 0 };
const OWN = "N0AAA-1";
let clock: VirtualClock;
let stop: AbortController;

beforeEach(() => {
  clock = new VirtualClock();
  stop = new AbortController();
});
afterEach(() => stop.abort());

/** A TNC that only writes down what it is told, and says what a test wants. */
function scriptedTnc() {
  const fromTnc = new Feed<Uint8Array>(1_000);
  const reader = new KissReader(4_000);
  const told: (KissFrame & { atMs: number })[] = [];
  const link: ByteLink = {
    remote: "a TNC",
    readable: fromTnc,
    write: async (bytes) => {
      for (const frame of reader.push(bytes)) told.push({ ...frame, atMs: clock.monotonicMs() });
    },
    close: () => fromTnc.end(),
  };
  return {
    link,
    told,
    hear: (frame: Uint8Array, port = 0) => fromTnc.offer(kissEncode({ port, command: 0, data: frame })),
    frames: () => told.filter(({ command }) => command === 0),
    parameters: () => told.filter(({ command }) => command !== 0),
    breaks: () => fromTnc.fail(new OperatingError("EST_OPERATING_PORT_GONE", "gone")),
  };
}

function bearerAt(link: ByteLink, config: object = {}) {
  const host: BearerHost = {
    clock: countingClock(clock),
    rng: seededRng(1),
    log() {},
    open: async () => link,
    listen: () => Promise.reject(new Error("no")),
  };
  const raw = { connect: "tnc:8001", stationId: OWN, stations: ["N0BBB"], ...config };
  const bearer = kissPlugin.create(kissPlugin.parse(raw), host);
  const events: BearerEvent[] = [];
  const ending = (async () => {
    for await (const event of bearer.run(stop.signal)) events.push(event);
    return null;
  })().catch((error: unknown) => error);
  return { bearer, events, ending };
}

const from = (source: string, info: Uint8Array, via: readonly string[] = []): Uint8Array =>
  encodeUi({ destination: call(OWN), source: call(source), via: via.map(call), info });

const send = (
  bearer: { send: ReturnType<typeof kissPlugin.create>["send"] },
  to: string,
  byteCount: number,
) => bearer.send({ to, bytes: new Uint8Array(byteCount).fill(7) }, stop.signal);

describe("what is heard", () => {
  it("is taken from the right station, port and protocol only", async () => {
    const tnc = scriptedTnc();
    const { events } = bearerAt(tnc.link, { tncPort: 2 });
    await clock.advance(0);
    const parcel = Uint8Array.of(0xc0, 0xdb, 0xdc, 0xdd, 1);
    tnc.hear(from("N0BBB", parcel), 0);
    tnc.hear(from("N0BBB", new Uint8Array(0)), 2);
    tnc.hear(encodeUi({ destination: call("N0AAA"), source: call("N0BBB"), via: [], info: parcel }), 2);
    tnc.hear(from(OWN, parcel), 2);
    tnc.hear(from("N0BBB", parcel, ["N0DIG"]), 2);
    tnc.hear(Uint8Array.of(1, 2, 3), 2);
    tnc.hear(from("N0BBB", parcel), 2);
    await clock.advance(0);
    expect(events).toEqual([
      { type: "up", neighbour: "N0BBB" },
      { type: "heard", parcelId: "k1", from: "N0BBB", bytes: parcel },
    ]);
  });

  it("makes a neighbour of a station that speaks to us, or says that it is one of us", async () => {
    const tnc = scriptedTnc();
    const { bearer, events } = bearerAt(tnc.link);
    await clock.advance(0);
    expect(await send(bearer, "N0CCC-3", 9)).toEqual({ outcome: "refused", why: "unknown-neighbour" });
    tnc.hear(encodeUi({ destination: call("APRS"), source: call("N0XXX"), via: [], info: Uint8Array.of(1) }));
    tnc.hear(encodeIdentification(call("N0CCC-3"), []));
    tnc.hear(encodeIdentification(call("N0CCC-3"), []));
    tnc.hear(from("N0DDD", Uint8Array.of(1)));
    await clock.advance(0);
    expect(events.map((event) => (event.type === "up" ? event.neighbour : event.type))).toEqual([
      ...["N0BBB", "N0CCC-3", "N0DDD", "heard"],
    ]);
    const sending = send(bearer, "N0CCC-3", 9);
    await clock.advance(5_000);
    expect(await sending).toEqual({ outcome: "sent" });
  });

  it("fills a bounded table: the station not heard for longest goes down", async () => {
    const tnc = scriptedTnc();
    const { events } = bearerAt(tnc.link, { stations: [] });
    for (let n = 0; n <= KISS_LIMITS.learntMax; n++) {
      await clock.advance(0);
      tnc.hear(from(`N${n}X`, Uint8Array.of(1)));
      tnc.hear(from("N0X", Uint8Array.of(1)));
    }
    await clock.advance(0);
    const downs = events.filter((event) => event.type === "down");
    expect(downs).toEqual([{ type: "down", neighbour: "N1X", why: "not heard for longest" }]);
  });
});

describe("what is sent", () => {
  it("begins with the parameters, and they are said again every ten minutes", async () => {
    const tnc = scriptedTnc();
    const { bearer } = bearerAt(tnc.link, { txDelayMs: 400, txTailMs: 50, slotTimeMs: 80, persistence: 127 });
    await clock.advance(0);
    const said = tnc.parameters().map(({ command, data }) => [command, data[0]]);
    expect(said).toEqual([
      [1, 40],
      [2, 127],
      [3, 8],
      [4, 5],
      [5, 0],
    ]);
    const first = send(bearer, "N0BBB", 9);
    await clock.advance(10_000);
    await first;
    expect(tnc.parameters()).toHaveLength(5);
    await clock.advance(600_000);
    void send(bearer, "N0BBB", 9);
    await clock.advance(10_000);
    expect(tnc.parameters()).toHaveLength(10);
  });

  it("passes the digipeaters that are configured", async () => {
    const tnc = scriptedTnc();
    const { bearer } = bearerAt(tnc.link, { via: ["N0DIG-1", "N0DIG-2"] });
    await clock.advance(0);
    void send(bearer, "N0BBB", 1);
    await clock.advance(0);
    const expected = encodeUi({
      destination: call("N0BBB"),
      source: call(OWN),
      via: [call("N0DIG-1"), call("N0DIG-2")],
      info: Uint8Array.of(7),
    });
    expect(tnc.frames().map(({ data }) => Buffer.from(data))).toEqual([Buffer.from(expected)]);
  });

  it("is answered when the TNC should have sent it, later when others were heard meanwhile", async () => {
    const tnc = scriptedTnc();
    const { bearer } = bearerAt(tnc.link);
    await clock.advance(0);
    let answeredAtMs = 0;
    const sent = async (): Promise<void> => {
      await send(bearer, "N0BBB", 100);
      answeredAtMs = clock.monotonicMs();
    };
    const aloneMs = bearer.airtimeMs(100) + bearer.capabilities.turnaroundMs - 300;
    let startMs = clock.monotonicMs();
    void sent();
    await clock.advance(60_000);
    expect(answeredAtMs - startMs).toBeCloseTo(aloneMs, -1);
    startMs = clock.monotonicMs();
    void sent();
    await clock.advance(1_200);
    tnc.hear(
      encodeUi({ destination: call("APRS"), source: call("N0XXX"), via: [], info: new Uint8Array(90) }),
    );
    await clock.advance(60_000);
    expect(answeredAtMs - startMs).toBeGreaterThan(aloneMs + 1_000);
  });

  it("leaves a TNC one frame, or two when it was long denied its turn", async () => {
    const radio = createPacketRadio({ clock, seed: 2 });
    const held = watchQueue(radio);
    const { bearer } = bearerAt(radio.open(0));
    await clock.advance(0);
    void (async () => {
      for (let n = 0; n < 20; n++) await send(bearer, "N0BBB", 200);
    })();
    await clock.advance(150_000);
    expect(radio.counters().framesSent[0]).toBe(20);
    expect(radio.counters().framesDropped).toEqual([0, 0]);
    expect(held.most).toBeLessThanOrEqual(2);
    radio.close();
  });
});

/** Counts frames that were keyed together: one waited in the TNC while another was sent. */
function watchQueue(radio: PacketRadio): { most: number } {
  const held = { most: 0 };
  let now = 0;
  radio.observe((event: PacketEvent) => {
    if (event.type === "keyed") now = 0;
    if (event.type === "frame") held.most = Math.max(held.most, ++now);
  });
  return held;
}

describe("identification", () => {
  const idFrame = Buffer.from(encodeIdentification(call(OWN), []));

  async function conversation(minutes: readonly number[]): Promise<string[]> {
    const tnc = scriptedTnc();
    const { bearer } = bearerAt(tnc.link, { idIntervalMs: 600_000 });
    for (const minute of minutes) {
      await clock.advance(minute * 60_000 - clock.monotonicMs());
      void send(bearer, "N0BBB", 50);
    }
    await clock.advance(7_200_000);
    return tnc.frames().map(({ data, atMs }) => {
      const isId = Buffer.compare(data, idFrame) === 0;
      return `${isId ? "id" : "parcel"}@${Math.floor(atMs / 60_000)}`;
    });
  }

  it("comes first, every ten minutes while we transmit, once at the end, and not in silence", async () => {
    expect(await conversation([1, 5, 15, 19])).toEqual([
      ...["id@1", "parcel@1", "parcel@5", "id@11", "parcel@15", "parcel@19", "id@21"],
    ]);
  });

  it("begins again with the next conversation", async () => {
    expect(await conversation([1, 50])).toEqual(["id@1", "parcel@1", "id@11", "id@50", "parcel@50", "id@60"]);
  });

  it("is not sent where none is configured", async () => {
    const tnc = scriptedTnc();
    const { bearer } = bearerAt(tnc.link);
    await clock.advance(0);
    void send(bearer, "N0BBB", 50);
    await clock.advance(7_200_000);
    expect(tnc.frames()).toHaveLength(1);
  });
});

describe("a TNC that goes away", () => {
  it("takes its neighbours down and ends the run", async () => {
    const tnc = scriptedTnc();
    const { bearer, events, ending } = bearerAt(tnc.link);
    await clock.advance(0);
    tnc.hear(from("N0DDD", Uint8Array.of(1)));
    await clock.advance(0);
    tnc.breaks();
    expect(await ending).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    expect(events.filter((event) => event.type === "down")).toEqual([
      { type: "down", neighbour: "N0BBB", why: "the TNC is gone" },
      { type: "down", neighbour: "N0DDD", why: "the TNC is gone" },
    ]);
    expect(await send(bearer, "N0BBB", 9)).toMatchObject({ outcome: "deferred", why: "no-contact" });
    expect(await send(bearer, "N0DDD", 9), "learnt names are forgotten").toMatchObject({
      outcome: "refused",
    });
  });

  it("is closed when it takes no data", async () => {
    const tnc = scriptedTnc();
    let isStuck = false;
    const write: ByteLink["write"] = (bytes) => (isStuck ? new Promise(() => {}) : tnc.link.write(bytes));
    const { bearer, ending } = bearerAt({ ...tnc.link, write });
    await clock.advance(0);
    isStuck = true;
    const sending = send(bearer, "N0BBB", 50);
    await clock.advance(60_000);
    expect(await sending).toMatchObject({ outcome: "deferred", why: "timeout" });
    expect(String(await ending)).toMatch(/takes no data/);
  });
});
