import { type Goodput, goodputBytesPerS } from "./goodput.js";
import { LIMITS } from "./limits.js";

/** 0 flash … 3 bulk. */
export type ClassRank = 0 | 1 | 2 | 3;

/**
 * What an arrival time rests on, the weakest part first: `unknown` nobody knows when the link opens, `schedule` its
 * next contact window, `observed` what transfers took lately, `guess` the nominal rate.
 */
export type EtaBasis = "schedule" | "observed" | "guess" | "unknown";

/** How a channel is filled. */
export interface ParcelShape {
  /** Largest parcel that is handed out, in bytes. */
  readonly bytes: number;
  /** Of each parcel, its header and tag. */
  readonly headerBytes: number;
  /** Beside each parcel, what the bearer adds, in bytes of channel time. */
  readonly framingBytes: number;
}

/** How one link is, for one neighbour. All of it as it is now. */
export interface LinkTiming {
  /** Null: not known, a fair channel is assumed. */
  readonly parcels: ParcelShape | null;
  /** Nominal rate; null: so fast that it does not matter. */
  readonly bitsPerSecond: number | null;
  readonly goodput: Goodput | null;
  /** Bytes that go out before this message or share the link with it. */
  readonly backlogBytes: number;
  /** Milliseconds until the link can be used; 0 now; null: unknown. */
  readonly opensInMs: number | null;
  /** Turning round and the typical answer, beyond airtime, in milliseconds. */
  readonly answerMs: number;
  /** Channel time allowed per sliding hour, in milliseconds; null: all. */
  readonly airtimeMsPerHourMax: number | null;
}

export interface Eta {
  /** Milliseconds from now until the neighbour has it; null: unknown. */
  readonly ms: number | null;
  /** Milliseconds the channel itself is busy for it, opening and answer apart. */
  readonly transferMs: number;
  readonly basis: EtaBasis;
}

/**
 * Bytes on the channel for an envelope of so many bytes, both directions, when nothing is lost: one parcel and its answer,
 * or an offer, units, and the answer. `joined`: as a part of an envelope that goes anyway, no parcel begins or is
 * answered for it.
 */
export function bytesOnAir(envelopeBytes: number, parcels: ParcelShape | null, joined = false): number {
  if (parcels === null)
    return (
      Math.ceil(envelopeBytes * (1 + LIMITS.linkOverheadShare)) + (joined ? 0 : LIMITS.linkOverheadBytes)
    );
  const roomBytes = Math.max(1, parcels.bytes - parcels.headerBytes - LIMITS.unitHeaderBytes);
  const overheadBytes = parcels.headerBytes + parcels.framingBytes;
  if (joined) return Math.ceil(envelopeBytes * (1 + (overheadBytes + LIMITS.unitHeaderBytes) / roomBytes));
  const answerBytes = overheadBytes + 1;
  if (envelopeBytes <= roomBytes) return envelopeBytes + 1 + overheadBytes + answerBytes;
  const saidBytes = envelopeBytes + LIMITS.offerBytes;
  const count = Math.ceil(saidBytes / roomBytes);
  return saidBytes + count * (overheadBytes + LIMITS.unitHeaderBytes) + answerBytes;
}

/** ETA = opens + (backlog + size) / goodput + answer, stretched where the channel may not be used all the time. */
export function etaOf(link: LinkTiming, envelopeBytes: number, nowMs: number): Eta {
  const learnt = goodputBytesPerS(link.goodput, nowMs);
  const ahead = link.backlogBytes;
  const nominal =
    link.bitsPerSecond === null ? Number.POSITIVE_INFINITY : Math.max(link.bitsPerSecond, 1) / 8;
  // Faster than the channel only seems so: a transfer that was resumed counts whole.
  const observed = learnt === null ? null : Math.min(learnt, nominal);
  // What was observed is in envelope bytes already: the channel's overhead is in its time.
  const busyMs = (bytes: number): number =>
    observed === null ? (bytesOnAir(bytes, link.parcels) * 1000) / nominal : (bytes * 1000) / observed;
  const transferMs = stretched(busyMs(ahead + envelopeBytes), link.airtimeMsPerHourMax);
  const basis = observed === null ? "guess" : "observed";
  if (link.opensInMs === null) return { ms: null, transferMs, basis: "unknown" };
  const ms = Math.round(link.opensInMs + transferMs + link.answerMs);
  return { ms, transferMs, basis: link.opensInMs > 0 ? "schedule" : basis };
}

const HOUR_MS = 3_600_000;

/** What fits into one hour's allowance is not slowed down; more takes as long as the share of the hour says. */
function stretched(busyMs: number, airtimeMsPerHourMax: number | null): number {
  if (airtimeMsPerHourMax === null || busyMs <= airtimeMsPerHourMax) return busyMs;
  return (busyMs * HOUR_MS) / Math.max(airtimeMsPerHourMax, 1);
}

/** Milliseconds by class, flash first, from acceptance to the next hop. */
export type Deadlines = readonly [number, number, number, number];

/** Our choice: what people expect of these words; a gateway may be configured otherwise. */
export const DEADLINES_MS: Deadlines = [60_000, 600_000, 6 * HOUR_MS, 72 * HOUR_MS];

/** A message as far as its deadline goes: milliseconds since it was accepted, and it may live altogether. */
export interface Ageing {
  readonly ageMs: number;
  readonly lifetimeMs: number;
}

/** Milliseconds from now within which a message of this class ought to be at the next hop; never beyond its lifetime. */
export function deadlineMsOf(
  rank: ClassRank,
  { ageMs, lifetimeMs }: Ageing,
  deadlines: Deadlines = DEADLINES_MS,
): number {
  return Math.max(0, Math.min(deadlines[rank], lifetimeMs) - ageMs);
}
