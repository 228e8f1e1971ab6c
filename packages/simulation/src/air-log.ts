import { LIMITS } from "./limits.js";

/** One transmission of one station, as the medium saw it. Times are the world's, in milliseconds. */
export interface Transmission {
  readonly station: string;
  readonly byteCount: number;
  readonly airtimeMs: number;
  readonly endMs: number;
}

/** What one station may use of a medium; null: as much as it likes. */
export interface AirBounds {
  readonly airtimeMsPerHourMax: number | null;
  readonly drainBytesPerS: number | null;
  /** Credits are bytes / 1000 here. */
  readonly creditsPerDay: number | null;
  readonly parcelBytesMax: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Sums of fractions are not exact. */
const ROUNDING = 1e-6;
/** Window in which a drain rate is held against what went out, in milliseconds. */
const DRAIN_WINDOW_MS = 10_000;
/** A drain rate lets a parcel be late by the shortest pause of a lane, and times are whole milliseconds. */
const DRAIN_LATENESS_MS = 11;

/**
 * Everything that was on one medium with bounds. Knows nothing of how a gateway paces: it holds what was on the air
 * against what may be in any window of that length, over all lives of a station.
 */
export class AirLog {
  readonly #byStation = new Map<string, Transmission[]>();
  #count = 0;

  constructor(
    readonly medium: string,
    readonly bounds: AirBounds,
  ) {}

  get count(): number {
    return this.#count;
  }

  add(transmission: Transmission): void {
    this.#count++;
    if (this.#count > LIMITS.transmissionsMax) throw new RangeError(`${this.medium} never falls silent`);
    const list = this.#byStation.get(transmission.station) ?? [];
    list.push(transmission);
    this.#byStation.set(transmission.station, list);
  }

  /** One sentence for each bound a station broke. */
  violations(): readonly string[] {
    const { airtimeMsPerHourMax, creditsPerDay, drainBytesPerS, parcelBytesMax } = this.bounds;
    const found: string[] = [];
    for (const [station, sent] of this.#byStation) {
      const judge = (what: string, most: number, max: number): void => {
        if (most > max + ROUNDING) found.push(`${station} used ${most} of ${max} ${what} on ${this.medium}`);
      };
      if (airtimeMsPerHourMax !== null)
        judge("ms of airtime in an hour", mostAirtime(sent, HOUR_MS), airtimeMsPerHourMax);
      if (creditsPerDay !== null) judge("credits in a day", mostBytes(sent, DAY_MS) / 1_000, creditsPerDay);
      if (drainBytesPerS !== null) {
        const max = (drainBytesPerS * (DRAIN_WINDOW_MS + DRAIN_LATENESS_MS)) / 1_000 + parcelBytesMax;
        judge("bytes in 10 s", mostBytes(sent, DRAIN_WINDOW_MS), max);
      }
    }
    return found;
  }
}

/**
 * The most airtime in any window: one that ends with a transmission has as much as any. Transmissions of a station do
 * not overlap, and come in order.
 */
function mostAirtime(sent: readonly Transmission[], windowMs: number): number {
  let most = 0;
  let sum = 0;
  let first = 0;
  for (const { airtimeMs, endMs } of sent) {
    sum += airtimeMs;
    const beginMs = endMs - windowMs;
    for (let left = sent[first]; left && left.endMs <= beginMs; left = sent[first]) {
      sum -= left.airtimeMs;
      first++;
    }
    const straddling = sent[first];
    const outsideMs = straddling ? Math.max(0, beginMs - (straddling.endMs - straddling.airtimeMs)) : 0;
    most = Math.max(most, sum - outsideMs);
  }
  return most;
}

/** The most bytes of parcels that began in any window; a window that begins with a parcel has as many as any. */
function mostBytes(sent: readonly Transmission[], windowMs: number): number {
  const beganMs = (one: Transmission): number => one.endMs - one.airtimeMs;
  let most = 0;
  let sum = 0;
  let next = 0;
  for (const one of sent) {
    for (let more = sent[next]; more && beganMs(more) < beganMs(one) + windowMs; more = sent[next]) {
      sum += more.byteCount;
      next++;
    }
    most = Math.max(most, sum);
    sum -= one.byteCount;
  }
  return most;
}
