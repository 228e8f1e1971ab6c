import type { ClockTrust } from "@estafette/contract";
import type { AirBounds } from "./air-log.js";

/** Which links a world may have. */
export type WorldLinks = "mixed" | "plain";
export type Topology = "pair" | "line" | "star";
export type MediumKind =
  | "stream" // like TCP
  | "radio" // half duplex, loses parcels
  | "parcels" // like LoRa: small parcels that overtake each other and come twice
  | "modem" // like HF: half duplex, must be dialled while both ends are there
  | "buffer" // like satellite short bursts: dialled and paid, parcels lie in a mailbox of bounded room
  | "broker"; // like MQTT or a synchronised folder: a mailbox nobody has to dial

/** One way between two nodes. Rates are chances per parcel [0…1]. */
export interface MediumParameters {
  readonly name: string;
  readonly kind: MediumKind;
  readonly ends: readonly [number, number];
  readonly bitsPerSecond: number;
  /** Rate at which the second end sends. */
  readonly backBitsPerSecond: number;
  readonly parcelBytesMax: number;
  readonly turnaroundMs: number;
  readonly delayMs: number;
  /** Latest arrival of a parcel that is overtaken, in milliseconds; below `delayMs`: none is. */
  readonly lateMs: number;
  /** Parcels that wait for one end at most; 0: there is no mailbox. */
  readonly roomParcels: number;
  /** Dialled contacts; null: always open. */
  readonly dialled: {
    readonly dialMs: number;
    readonly failure: number;
    readonly sessionMsMax: number;
  } | null;
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  /** Mean time between two outages, in milliseconds; 0: never out. */
  readonly outageEveryMs: number;
  readonly outageMsMax: number;
  /** Share of outages that silence only one direction. */
  readonly asymmetric: number;
  /** What each end may use of it. */
  readonly bounds: Omit<AirBounds, "parcelBytesMax">;
}

/** No bounds at all. */
export const UNBOUNDED: MediumParameters["bounds"] = {
  airtimeMsPerHourMax: null,
  airtimeMsPerDayMax: null,
  drainBytesPerS: null,
  credits: null,
  window: null,
  urgentShare: 0.2,
};

/** Ordered, never dialled, nothing lost, nobody out, no bounds. */
export const CALM = {
  turnaroundMs: 0,
  lateMs: 0,
  roomParcels: 0,
  dialled: null,
  loss: 0,
  duplication: 0,
  reordering: 0,
  outageEveryMs: 0,
  outageMsMax: 0,
  asymmetric: 0,
  bounds: UNBOUNDED,
} as const;

export interface NodeParameters {
  readonly name: string;
  /** Error of the wall clock at first boot, −3 … +20 years. */
  readonly wallErrorMs: number;
  readonly trust: ClockTrust;
  /** Longest time one call to the store takes, in milliseconds; 0: no time at all. */
  readonly diskMsMax: number;
  /** Chance that the power goes at one fault point. */
  readonly cutAtPoint: number;
  /** Mean time between power cuts and kills at any moment, in milliseconds; 0: never. */
  readonly cutEveryMs: number;
  /** Mean time between orderly restarts, in milliseconds; 0: never. */
  readonly restartEveryMs: number;
  /** Longest time without power, in milliseconds. */
  readonly darkMsMax: number;
  /** Mean time between steps of the wall clock, in milliseconds; 0: never. */
  readonly wallStepEveryMs: number;
}

/** Everything a seed decides. Printed first, so that a failing seed can be read. */
export interface WorldParameters {
  readonly seed: number;
  readonly topology: Topology;
  readonly nodes: readonly NodeParameters[];
  readonly media: readonly MediumParameters[];
  /** The node that puts mail on the internet; null: nobody does. */
  readonly exit: number | null;
  /** Middle nodes have no users of their own. */
  readonly strangers: boolean;
  /** Messages need a receipt by default. */
  readonly receipts: boolean;
  readonly submissions: number;
  readonly bodyBytesMax: number;
  /** Chance that a mail server outside says "later". */
  readonly deferred: number;
  readonly handOverMsMax: number;
  readonly retryS: readonly number[];
  /** Faults end here … */
  readonly faultsUntilMs: number;
  /** … and this long after, everything must have ended. */
  readonly healMs: number;
}
