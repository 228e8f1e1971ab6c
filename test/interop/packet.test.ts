import kiss from "@estafette/bearer-kiss";
import type { Bearer, BearerEvent } from "@estafette/contract";
import { bearerHost } from "@estafette/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clock, rng, until } from "../harness/node.js";
import { needs } from "../report/require.js";
import { type Direwolves, startDirewolves } from "./direwolf.js";

/*
 *   bearer-kiss ═TCP═ direwolf ))) sound, 1200 Bd ((( direwolf ═TCP═ bearer-kiss
 *
 * The foreign half of the emulator: a TNC that is not ours reads our frames, and puts tones between them.
 */
const CALLS = ["N0AAA-1", "N0BBB"] as const;

/** Attempts for one parcel; sound cards of a busy machine lose samples, and with them a frame. */
const ATTEMPTS_MAX = 4;

describe.skipIf(needs("direwolf", "pulseaudio").skip)("packet radio through two Direwolfs", () => {
  const end = new AbortController();
  let tncs: Direwolves;
  let ends: readonly [Station, Station];

  beforeAll(async () => {
    tncs = await startDirewolves();
    ends = [stationAt(0, tncs, end.signal), stationAt(1, tncs, end.signal)];
    for (const { events } of ends) await until(() => events.some(({ type }) => type === "up"), "the TNC");
  }, 120_000);

  afterAll(async () => {
    end.abort();
    await tncs?.stop();
  });

  it.each([
    [0, 1, 82],
    [1, 0, 82],
    [0, 1, 256],
    [1, 0, 256],
    [0, 1, 1_000],
    [1, 0, 1_000],
  ] as const)(
    "carries from %i to %i a parcel of %i bytes, byte for byte",
    { timeout: 240_000 },
    async (from, to, byteCount) => {
      const bytes = awkward(byteCount, from);
      const heardBefore = ends[to].heard().length;
      let attempts = 0;
      while (ends[to].heard().length === heardBefore) {
        expect(++attempts, tncs.log()).toBeLessThanOrEqual(ATTEMPTS_MAX);
        const sentMs = performance.now();
        const result = await ends[from].bearer.send({ to: CALLS[to], bytes }, end.signal);
        expect(result).toEqual({ outcome: "sent" });
        const tookMs = performance.now() - sentMs;
        expect(tookMs, "paced by airtime").toBeGreaterThan(ends[from].bearer.airtimeMs(byteCount) * 0.9);
        await until(() => ends[to].heard().length > heardBefore, "the parcel", 4_000).catch(() => null);
      }
      const [parcel] = ends[to].heard().slice(heardBefore);
      expect(parcel?.from).toBe(CALLS[from]);
      expect(Buffer.compare(parcel?.bytes ?? Buffer.alloc(0), bytes)).toBe(0);
    },
  );

  it("takes the parameters we set, and shows our call sign to everybody", async () => {
    const text = tncs.log();
    expect(text).toMatch(/N0AAA-1>N0BBB/);
    expect(text).toMatch(/N0BBB>N0AAA-1/);
  });
});

interface Station {
  readonly bearer: Bearer;
  readonly events: readonly BearerEvent[];
  heard(): readonly Extract<BearerEvent, { type: "heard" }>[];
}

function stationAt(at: 0 | 1, tncs: Direwolves, signal: AbortSignal): Station {
  const config = kiss.parse({
    connect: `127.0.0.1:${tncs.kissPorts[at]}`,
    stationId: CALLS[at],
    stations: [CALLS[1 - at]],
    parcelBytesMax: 1_000,
    txDelayMs: 400,
    persistence: 255,
  });
  const bearer = kiss.create(config, bearerHost({ clock, rng, log() {} }));
  const events: BearerEvent[] = [];
  const run = async (): Promise<void> => {
    for await (const event of bearer.run(signal)) events.push(event);
  };
  void run();
  return { bearer, events, heard: () => events.filter((event) => event.type === "heard") };
}

/** FEND, FESC and their escapes among every other byte, and long runs of what HDLC must stuff. */
function awkward(byteCount: number, mark: number): Uint8Array {
  const special = [0xc0, 0xdb, 0xdc, 0xdd, 0xff, 0xff, 0x7e, 0x00];
  return Uint8Array.from({ length: byteCount }, (_, at) =>
    at % 3 === 0 ? (special[(at / 3) % special.length] ?? 0) : (at * 7 + mark) & 0xff,
  );
}
