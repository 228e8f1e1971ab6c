import { seededRng, VirtualClock } from "@estafette/conformance";
import {
  type Bearer,
  type BearerEvent,
  type BearerHost,
  type ByteLink,
  OperatingError,
} from "@estafette/contract";
import { encodeLengthPrefixed, Feed } from "@estafette/framing";
import { describe, expect, it } from "vitest";
import tcpPlugin, { TCP_LIMITS } from "./index.js";

const NEVER = new AbortController().signal;

/** A socket made of paper: what arrives is put in, what is written is noted, and taken unless told otherwise. */
class PaperLink implements ByteLink {
  readonly arriving = new Feed<Uint8Array>(1_000);
  readonly written: Uint8Array[] = [];
  takes = true;
  closed = false;

  constructor(readonly remote: string) {}

  readonly readable = this.arriving;

  write(bytes: Uint8Array): Promise<void> {
    if (this.closed) return Promise.reject(new OperatingError("EST_OPERATING_PORT_GONE", "closed"));
    this.written.push(bytes);
    return this.takes ? Promise.resolve() : new Promise(() => {});
  }

  close(): void {
    this.closed = true;
    this.arriving.end();
  }
}

interface Station {
  readonly clock: VirtualClock;
  readonly bearer: Bearer;
  readonly events: BearerEvent[];
  readonly callers: Feed<ByteLink>;
  readonly logged: string[];
  readonly ending: () => unknown;
}

function station(raw: object, link: ByteLink | null = null): Station {
  const clock = new VirtualClock();
  const callers = new Feed<ByteLink>(1_000);
  const logged: string[] = [];
  const host: BearerHost = {
    clock,
    rng: seededRng(1),
    log: (_level, message) => logged.push(message),
    open: async () => {
      if (link) return link;
      throw new OperatingError("EST_OPERATING_PORT_GONE", "refused");
    },
    listen: async (url) => ({ url, links: callers, close: () => callers.end() }),
  };
  const bearer = tcpPlugin.create(tcpPlugin.parse(raw), host);
  const events: BearerEvent[] = [];
  let ending: unknown = "running";
  const run = async (): Promise<void> => {
    for await (const event of bearer.run(NEVER)) events.push(event);
  };
  run().then(
    () => {
      ending = "ended";
    },
    (error: unknown) => {
      ending = error;
    },
  );
  return { clock, bearer, events, callers, logged, ending: () => ending };
}

describe("listening", () => {
  it("serves many, each by its own name, and never gives a name again", async () => {
    const { clock, bearer, events, callers } = station({ listen: "0.0.0.0:4000" });
    const links = [1, 2, 3].map((port) => new PaperLink(`10.0.0.${port}:1`));
    for (const link of links) callers.offer(link);
    await clock.advance(0);
    links[1]?.arriving.offer(encodeLengthPrefixed(Uint8Array.of(7)));
    await clock.advance(0);
    links[0]?.arriving.end();
    await clock.advance(0);
    callers.offer(new PaperLink("10.0.0.4:1"));
    await clock.advance(0);
    expect(events).toEqual([
      { type: "up", neighbour: "c1" },
      { type: "up", neighbour: "c2" },
      { type: "up", neighbour: "c3" },
      { type: "heard", parcelId: "c2.1", from: "c2", bytes: Uint8Array.of(7) },
      { type: "down", neighbour: "c1", why: "the far end closed" },
      { type: "up", neighbour: "c4" },
    ]);
    expect(await bearer.send({ to: "c3", bytes: Uint8Array.of(1, 2) }, NEVER)).toEqual({ outcome: "sent" });
    expect(links[2]?.written).toEqual([Uint8Array.of(0, 2, 1, 2)]);
    const gone = await bearer.send({ to: "c1", bytes: Uint8Array.of(1) }, NEVER);
    expect(gone).toMatchObject({ outcome: "deferred", why: "no-contact" });
    const nobody = await bearer.send({ to: "c9", bytes: Uint8Array.of(1) }, NEVER);
    expect(nobody).toEqual({ outcome: "refused", why: "unknown-neighbour" });
  });

  it("turns away callers beyond its bound, and says so", async () => {
    const { clock, callers, events, logged } = station({ listen: "0.0.0.0:4000" });
    const links = Array.from({ length: TCP_LIMITS.callersMax + 2 }, (_, at) => new PaperLink(`h:${at}`));
    for (const link of links) callers.offer(link);
    for (let turn = 0; turn < 10; turn++) await clock.advance(0);
    expect(events.length).toBe(TCP_LIMITS.callersMax);
    expect(links.filter((link) => link.closed)).toHaveLength(2);
    expect(logged.filter((message) => message.includes("turned away"))).toHaveLength(2);
  });

  it("closes callers that speak something else, or nothing", async () => {
    const { clock, callers, events } = station({ listen: "0.0.0.0:4000" });
    const [browser, silent, ours] = [new PaperLink("b:1"), new PaperLink("s:1"), new PaperLink("o:1")];
    for (const link of [browser, silent, ours]) callers.offer(link);
    browser.arriving.offer(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    ours.arriving.offer(encodeLengthPrefixed(Uint8Array.of(1)));
    await clock.advance(TCP_LIMITS.firstParcelMsMax + 1);
    expect([browser.closed, silent.closed, ours.closed]).toEqual([true, true, false]);
    const downs = events.filter((event) => event.type === "down");
    expect(downs).toMatchObject([
      { neighbour: "c1", why: expect.stringContaining("does not speak our framing") },
      { neighbour: "c2", why: "the caller sent no parcel" },
    ]);
  });

  it("reads no further than the gateway takes", async () => {
    const clock = new VirtualClock();
    const callers = new Feed<ByteLink>(10);
    const host: BearerHost = {
      ...{ clock, rng: seededRng(1), log() {} },
      open: () => Promise.reject(new Error("not here")),
      listen: async (url) => ({ url, links: callers, close: () => callers.end() }),
    };
    const bearer = tcpPlugin.create(tcpPlugin.parse({ listen: "0.0.0.0:4000" }), host);
    const events = bearer.run(NEVER)[Symbol.asyncIterator]();
    const link = new PaperLink("fast:1");
    callers.offer(link);
    await events.next();
    for (let index = 0; index < 1_000; index++) link.arriving.offer(encodeLengthPrefixed(Uint8Array.of(1)));
    await clock.advance(0);
    expect(link.arriving.length).toBeGreaterThan(1_000 - TCP_LIMITS.eventsMax - 10);
  });
});

describe("connecting", () => {
  it("ends with an error that can be retried when the far end closes, breaks or does not answer", async () => {
    const link = new PaperLink("far:1");
    const closed = station({ connect: "far:1" }, link);
    await closed.clock.advance(0);
    link.arriving.end();
    await closed.clock.advance(0);
    expect(closed.events.at(-1)).toEqual({ type: "down", neighbour: "", why: "the far end closed" });
    expect(closed.ending()).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
    const absent = station({ connect: "far:1" });
    await absent.clock.advance(0);
    expect(absent.events).toEqual([]);
    expect(absent.ending()).toMatchObject({ code: "EST_OPERATING_PORT_GONE" });
  });

  it("says when the stream ended inside a parcel", async () => {
    const link = new PaperLink("far:1");
    const { clock, events } = station({ connect: "far:1" }, link);
    link.arriving.offer(Uint8Array.of(0, 9, 1));
    link.arriving.end();
    await clock.advance(0);
    expect(events.at(-1)).toMatchObject({ type: "down", why: "the far end closed inside a parcel" });
  });

  it("closes a far end that takes nothing", async () => {
    const link = new PaperLink("far:1");
    link.takes = false;
    const { clock, bearer, events } = station({ connect: "far:1" }, link);
    await clock.advance(0);
    const sending = bearer.send({ to: "", bytes: new Uint8Array(48) }, NEVER);
    await clock.advance(TCP_LIMITS.stalledMsMax);
    expect(await sending).toMatchObject({ outcome: "deferred", why: "timeout" });
    expect(link.closed).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "down", why: "the far end takes no data" });
    expect(clock.pendingTimers).toBe(0);
  });

  it("keeps frames whole when a send is given up", async () => {
    const link = new PaperLink("far:1");
    link.takes = false;
    const { clock, bearer } = station({ connect: "far:1" }, link);
    await clock.advance(0);
    const giveUp = new AbortController();
    const sending = bearer.send({ to: "", bytes: new Uint8Array(48) }, giveUp.signal);
    giveUp.abort();
    expect(await sending).toMatchObject({ outcome: "deferred", why: "timeout" });
    const next = await bearer.send({ to: "", bytes: new Uint8Array(50) }, NEVER);
    expect(next).toMatchObject({ outcome: "deferred", why: "busy" });
    expect(link.written).toHaveLength(1);
  });
});

describe("configuration", () => {
  it("is one of the two", () => {
    expect(tcpPlugin.parse({ connect: "shore.example:4000" })).toEqual({
      role: "connect",
      address: "shore.example:4000",
    });
    expect(tcpPlugin.parse({ listen: "[::]:0" })).toEqual({ role: "listen", address: "[::]:0" });
  });

  it("names the key and the fix", () => {
    const cases: [unknown, string, RegExp][] = [
      [undefined, "", /write connect/],
      [{}, "connect", /add connect/],
      [{ connect: "a:1", listen: "b:1" }, "listen", /keep connect or listen/],
      [{ connect: "nowhere" }, "connect", /host:port/],
      [{ connect: "a:0" }, "connect", /port of 1 to 65535/],
      [{ listen: "a:65536" }, "listen", /port of 0 to 65535/],
      [{ listen: 4000 }, "listen", /host:port/],
      [{ listen: "a:1", tls: true }, "tls", /known keys are connect, listen/],
    ];
    for (const [raw, key, fix] of cases) {
      const place = expect.objectContaining({ key });
      const failure = expect.objectContaining({ place, message: expect.stringMatching(fix) });
      expect(() => tcpPlugin.parse(raw), JSON.stringify(raw)).toThrow(failure);
    }
  });
});
