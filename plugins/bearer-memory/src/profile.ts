import { type BearerCapabilities, ConfigError } from "@estafette/contract";
import { MEMORY_LIMITS } from "./limits.js";

/**
 * Fading as Gilbert and Elliott describe it: the channel is now fair, now bad, and how long each lasts is drawn anew from
 * an exponential distribution. Bad times hit everybody on the medium.
 * E. N. Gilbert, "Capacity of a burst-noise channel", Bell System Technical Journal 39 (1960).
 */
export interface Bursts {
  /** Mean length of a fair time, in milliseconds. */
  readonly everyMs: number;
  /** Mean length of a bad time, in milliseconds. */
  readonly meanMs: number;
  /** Probability [0…1] that a parcel vanishes in a bad time; `loss` goes on to count in a fair one. */
  readonly loss: number;
}

/** What a medium is like: the capabilities its bearers announce, and its weather. */
export interface MemoryProfile extends BearerCapabilities {
  /** Probability [0…1] that a parcel vanishes. Only a `lossy` medium may have one. */
  readonly loss: number;
  /** Times in which another share is lost; `null`: there are none. */
  readonly bursts: Bursts | null;
  /** Probability [0…1] that a parcel arrives twice. */
  readonly duplication: number;
  /** Beyond airtime, drawn evenly for each parcel, in milliseconds. Unless `ordered`, parcels overtake each other. */
  readonly delayMs: { readonly min: number; readonly max: number };
  /** Bytes the channel adds to each parcel; they cost airtime. */
  readonly overheadBytes: number;
  /** A mailbox for each station keeps parcels until they are settled; `null`: whoever is away misses them. */
  readonly mailbox: { readonly parcelsMax: number } | null;
  /** `seen`: a station learns of cuts and departures by `down`, as with TCP. `unseen`: as with a radio. */
  readonly presence: "seen" | "unseen";
  /** Probability [0…1] that a dialled contact does not come about, and how long dialling takes. */
  readonly contactFailure: number;
  readonly contactMs: number;
  /** Longest dialled session, in milliseconds, whatever `maxMs` asked for. */
  readonly sessionMsMax: number;
  /** How long a `next-hop` acknowledgement is waited for, and after which a mailbox offers `later` again. */
  readonly answerMsMax: number;
}

const CALM: MemoryProfile = {
  parcelBytesMax: 16_384,
  duplex: "full",
  acknowledges: "nobody",
  ordered: true,
  lossy: false,
  contact: "always",
  neighbours: "one",
  content: "any",
  bitsPerSecond: null,
  turnaroundMs: 0,
  answerMs: 0,
  airtimeMsPerHourMax: null,
  cost: { perContact: 0, perByte: 0 },
  loss: 0,
  bursts: null,
  duplication: 0,
  delayMs: { min: 0, max: 0 },
  overheadBytes: 0,
  mailbox: null,
  presence: "seen",
  contactFailure: 0,
  contactMs: 0,
  sessionMsMax: 600_000,
  answerMsMax: 30_000,
};

/** Starting points; override single values with a spread. */
export const memoryProfiles = {
  /** Like TCP: fast, ordered, nothing is lost without a `down`. */
  stream: CALM,
  /** Like a 1200 bit/s half-duplex packet radio between two stations. */
  radio: {
    ...CALM,
    parcelBytesMax: 255,
    duplex: "half",
    lossy: true,
    bitsPerSecond: 1_200,
    turnaroundMs: 200,
    answerMs: 250,
    loss: 0.1,
    overheadBytes: 8,
    presence: "unseen",
  },
  /** Like LoRa on a 1 % band: many stations, small parcels, overtaking, duplicates, an airtime budget. */
  lossyDatagram: {
    ...CALM,
    parcelBytesMax: 200,
    duplex: "half",
    ordered: false,
    lossy: true,
    neighbours: "many",
    bitsPerSecond: 5_470,
    turnaroundMs: 20,
    answerMs: 2_000,
    airtimeMsPerHourMax: 36_000,
    loss: 0.1,
    duplication: 0.05,
    delayMs: { min: 0, max: 1_500 },
    overheadBytes: 16,
    presence: "unseen",
  },
  /** Like an HF modem with its own repetition: both must be there, one calls, and the call is that of both. */
  modem: {
    ...CALM,
    parcelBytesMax: 1_024,
    duplex: "half",
    contact: "dialled",
    bitsPerSecond: 1_200,
    turnaroundMs: 500,
    answerMs: 3_000,
    overheadBytes: 8,
    contactMs: 15_000,
  },
  /** Like satellite short bursts: dialled, paid, and the far side keeps parcels until they are collected. */
  storeBuffer: {
    ...CALM,
    parcelBytesMax: 340,
    acknowledges: "channel",
    ordered: true,
    contact: "dialled",
    bitsPerSecond: 2_400,
    answerMs: 3_600_000,
    cost: { perContact: 1, perByte: 0.02 },
    delayMs: { min: 5_000, max: 20_000 },
    mailbox: { parcelsMax: 50 },
    contactMs: 10_000,
    sessionMsMax: 90_000,
  },
  /** Like a broker: many stations and topics, kept until acknowledged, sometimes delivered twice. */
  publishSubscribe: {
    ...CALM,
    parcelBytesMax: 65_535,
    acknowledges: "channel",
    neighbours: "many",
    answerMs: 500,
    duplication: 0.02,
    delayMs: { min: 5, max: 200 },
    mailbox: { parcelsMax: 1_000 },
  },
} as const satisfies Record<string, MemoryProfile>;

/** Throws ConfigError EST_CONFIG_VALUE naming the first value that is out of range or contradicts another. */
export function checkProfile(profile: MemoryProfile): void {
  const { parcelBytesMax, bitsPerSecond, delayMs, mailbox, bursts } = profile;
  check("parcelBytesMax", parcelBytesMax >= 48 && parcelBytesMax <= 65_535, "48 to 65535 bytes");
  for (const key of ["loss", "duplication", "contactFailure"] as const) {
    check(key, profile[key] >= 0 && profile[key] <= 1, "a probability from 0 to 1");
  }
  check("loss", profile.lossy || profile.loss === 0, "0, or set lossy: true");
  check("bursts", profile.lossy || bursts === null, "null, or set lossy: true");
  if (bursts) {
    check("bursts.loss", bursts.loss >= 0 && bursts.loss <= 1, "a probability from 0 to 1");
    check("bursts.everyMs", bursts.everyMs >= 1 && bursts.meanMs >= 1, "1 ms or more, as meanMs too");
  }
  check("bitsPerSecond", bitsPerSecond === null || bitsPerSecond >= 1, "1 or more, or null");
  check(
    "bitsPerSecond",
    bitsPerSecond !== null || profile.duplex === "full",
    "a number on a half-duplex medium",
  );
  check("delayMs", delayMs.min >= 0 && delayMs.max >= delayMs.min, "min from 0, and max not below it");
  const canDial = mailbox !== null || profile.neighbours === "one";
  check("contact", profile.contact === "always" || canDial, "always, or with a mailbox or one neighbour");
  check("acknowledges", profile.acknowledges !== "next-hop" || !mailbox, "nobody or channel with a mailbox");
  check(
    "mailbox.parcelsMax",
    !mailbox || (mailbox.parcelsMax >= 1 && mailbox.parcelsMax <= MEMORY_LIMITS.mailboxParcelsMax),
    `1 to ${MEMORY_LIMITS.mailboxParcelsMax}`,
  );
}

function check(key: string, holds: boolean, fix: string): void {
  if (holds) return;
  throw new ConfigError("EST_CONFIG_VALUE", `memory medium: ${key} must be ${fix}`, { key, fix });
}

/** Exactly the members a bearer announces. */
export function capabilitiesOf(profile: MemoryProfile): BearerCapabilities {
  const { parcelBytesMax, duplex, acknowledges, ordered, lossy, contact, neighbours, content } = profile;
  const { bitsPerSecond, turnaroundMs, answerMs, airtimeMsPerHourMax, cost } = profile;
  return {
    ...{ parcelBytesMax, duplex, acknowledges, ordered, lossy, contact, neighbours, content },
    ...{ bitsPerSecond, turnaroundMs, answerMs, airtimeMsPerHourMax, cost },
  };
}

/** Milliseconds at this rate; 0 where the rate does not matter. */
export function airtimeMsOf(byteCount: number, overheadBytes: number, bitsPerSecond: number | null): number {
  return bitsPerSecond === null ? 0 : ((byteCount + overheadBytes) * 8_000) / bitsPerSecond;
}
