import { LIMITS } from "./limits.js";
import { drainWaits, mostAirtime, mostBegun, type Use } from "./most-used.js";

/** One transmission of one station, as the medium saw it. Times are the world's, in milliseconds. */
export interface Transmission {
  readonly station: string;
  readonly byteCount: number;
  readonly airtimeMs: number;
  readonly endMs: number;
  /** When it ended by a wall clock that the station could believe all the time; null or none: it could not. */
  readonly endUnixMs?: number | null;
}

/** What one station may use of a medium; null: as much as it likes. */
export interface AirBounds {
  readonly airtimeMsPerHourMax: number | null;
  readonly airtimeMsPerDayMax: number | null;
  readonly drainBytesPerS: number | null;
  readonly credits: AirCredits | null;
  /** Open for the first minutes of each period, by the wall clock in UTC. */
  readonly window: { readonly everyMinutes: number; readonly openMinutes: number } | null;
  readonly parcelBytesMax: number;
  /** Share [0…1) of airtime and credits that only what is urgent may use. */
  readonly urgentShare: number;
}

/** Prices, and the most in any 24 hours. */
export interface AirCredits {
  readonly perContact: number;
  readonly perKilobyte: number;
  readonly perDay: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Sums of fractions are not exact. */
const ROUNDING = 1e-6;
/** Window in which a drain rate is held against what went out, in milliseconds. */
const DRAIN_WINDOW_MS = 10_000;
/** A drain rate lets a parcel be late by the shortest pause of a lane, and times are whole milliseconds. */
const DRAIN_LATENESS_MS = 11;
/** A channel free for this long before the next parcel, again and again, was kept free by its drain rate. Our choice. */
const DRAIN_PAUSE_MS = 100;
const DRAIN_WAITS_MIN = 3;
/** A parcel that was ready before a window closed may wait for the channel this long, in milliseconds. Our choice: a
 *  half-duplex far end may finish two parcels of its own first. */
const WINDOW_LATENESS_MS = 30_000;

/** Everything one station used of one medium. */
interface Used {
  readonly sent: (Use & { readonly endUnixMs: number | null })[];
  readonly contacts: Use[];
}

/**
 * Everything that was on one medium with bounds. Knows nothing of how a gateway paces: it holds what was on the air
 * against what may be in any window of that length, over all lives of a station.
 */
export class AirLog {
  readonly #byStation = new Map<string, Used>();
  #count = 0;

  constructor(
    readonly medium: string,
    readonly bounds: AirBounds,
  ) {}

  get count(): number {
    return this.#count;
  }

  add({ station, byteCount, airtimeMs, endMs, endUnixMs = null }: Transmission): void {
    this.#count++;
    if (this.#count > LIMITS.transmissionsMax) throw new RangeError(`${this.medium} never falls silent`);
    this.#of(station).sent.push({ beganMs: endMs - airtimeMs, endMs, amount: byteCount, endUnixMs });
  }

  /** A dialled contact that came about, and is paid. */
  addContact(station: string, atMs: number): void {
    const amount = this.bounds.credits?.perContact ?? 0;
    this.#of(station).contacts.push({ beganMs: atMs, endMs: atMs, amount });
  }

  #of(station: string): Used {
    const known = this.#byStation.get(station) ?? { sent: [], contacts: [] };
    this.#byStation.set(station, known);
    return known;
  }

  /** One sentence for each bound a station broke. */
  violations(): readonly string[] {
    const found: string[] = [];
    for (const [station, used] of this.#byStation) {
      for (const { what, most, max } of this.#measured(used)) {
        if (most > max + ROUNDING) found.push(`${station} used ${most} of ${max} ${what} on ${this.medium}`);
      }
      const late = used.sent.filter((one) => this.#isOutside(one));
      if (late.length > 0)
        found.push(`${station} sent ${late.length} times outside its windows on ${this.medium}`);
    }
    return found;
  }

  /** Bounds at which a station stood: the next parcel had to wait for the bound and for nothing else. */
  reached(): readonly string[] {
    const { drainBytesPerS, urgentShare } = this.bounds;
    const found: string[] = [];
    for (const [station, used] of this.#byStation) {
      for (const { what, most, max, parcel } of this.#measured(used)) {
        if (parcel !== null && most + parcel > max * (1 - urgentShare)) found.push(`${station}: ${what}`);
      }
      if (drainBytesPerS === null) continue;
      if (drainWaits(used.sent, drainBytesPerS, DRAIN_PAUSE_MS) >= DRAIN_WAITS_MIN)
        found.push(`${station}: drain rate`);
    }
    return found;
  }

  /** `parcel`: what the dearest parcel so far took; null where a full window says nothing about waiting. */
  #measured({ sent, contacts }: Used) {
    const { airtimeMsPerHourMax, airtimeMsPerDayMax, credits, drainBytesPerS, parcelBytesMax } = this.bounds;
    const measured: { what: string; most: number; max: number; parcel: number | null }[] = [];
    const longestMs = Math.max(0, ...sent.map(({ beganMs, endMs }) => endMs - beganMs));
    const airtime = (what: string, windowMs: number, max: number | null): void => {
      if (max !== null) measured.push({ what, most: mostAirtime(sent, windowMs), max, parcel: longestMs });
    };
    airtime("ms of airtime in an hour", HOUR_MS, airtimeMsPerHourMax);
    airtime("ms of airtime in a day", DAY_MS, airtimeMsPerDayMax);
    if (credits !== null) {
      const { perKilobyte, perContact, perDay } = credits;
      const paid = sent.map((one) => ({ ...one, amount: (one.amount / 1_000) * perKilobyte }));
      const uses = [...paid, ...contacts].sort((a, b) => a.beganMs - b.beganMs);
      const dearest = Math.max(0, ...paid.map(({ amount }) => amount)) + perContact;
      const most = mostBegun(uses, DAY_MS);
      measured.push({ what: "credits in a day", most, max: perDay, parcel: dearest });
    }
    if (drainBytesPerS !== null) {
      const max = (drainBytesPerS * (DRAIN_WINDOW_MS + DRAIN_LATENESS_MS)) / 1_000 + parcelBytesMax;
      measured.push({ what: "bytes in 10 s", most: mostBegun(sent, DRAIN_WINDOW_MS), max, parcel: null });
    }
    return measured;
  }

  #isOutside({ beganMs, endMs, endUnixMs }: Used["sent"][number]): boolean {
    const { window } = this.bounds;
    if (window === null || endUnixMs === null) return false;
    const beganUnixMs = endUnixMs - (endMs - beganMs);
    const sinceOpenMs = beganUnixMs % (window.everyMinutes * MINUTE_MS);
    return sinceOpenMs >= window.openMinutes * MINUTE_MS + WINDOW_LATENESS_MS;
  }
}
