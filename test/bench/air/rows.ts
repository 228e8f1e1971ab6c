import { gzipSync } from "node:zlib";
import type { RelaySettings } from "@estafette/relay";
import { probeDuplicates } from "./duplicates.js";
import { type Folders, type Sample, submissionOf } from "./messages.js";
import { cutLink, first, flashBehindBulk, type Outcome, single, waiting } from "./plays.js";
import { CUT, HALF_DUPLEX, lora, SLOW, STREAM } from "./profiles.js";

/** One line of the table. `budget` is what must be reached; `value` is never made to fit it. */
export interface Row {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  readonly delivered: number;
  readonly of: number;
  readonly budget: number;
  /** The value must reach the budget; absent: it may not exceed it. */
  readonly atLeast?: boolean;
}

export type Measured = Omit<Row, "id" | "budget" | "atLeast">;

/** A line before it is measured. */
export interface RowPlan {
  readonly id: string;
  readonly budget: number;
  readonly atLeast?: boolean;
  /** Folders without which there is nothing to measure. */
  readonly needs: readonly (keyof Folders)[];
  measure(folders: Folders): Promise<Measured>;
}

/** Whether everything arrived and the budget was kept. */
export function isWithin({ value, budget, delivered, of, atLeast = false }: Row): boolean {
  return delivered === of && (atLeast ? value >= budget : value <= budget);
}

type Play = (samples: readonly Sample[]) => Promise<Outcome>;

function bytesEach({ bytes, intact, of }: Outcome): Measured {
  return { value: bytes / of, unit: "B/message", delivered: intact, of };
}

function seconds(ms: number, { intact, of }: Outcome): Measured {
  return { value: ms / 1_000, unit: "s", delivered: intact, of };
}

/** Bytes a message on the link. */
function bytesRow(id: string, budget: number, folder: keyof Folders, play: Play): RowPlan {
  const measure = async (folders: Folders) => bytesEach(await play(folders[folder]));
  return { id, budget, needs: [folder], measure };
}

/** Virtual time until the last delivery. */
function timeRow(id: string, budget: number, folder: keyof Folders, play: Play): RowPlan {
  const measure = async (folders: Folders) => {
    const outcome = await play(folders[folder]);
    return seconds(outcome.tookMs, outcome);
  };
  return { id, budget, needs: [folder], measure };
}

/** Virtual time until the first delivery of a waiting queue. */
function firstMailRow(id: string, budget: number, play: Play): RowPlan {
  const measure = async ({ mail }: Folders) => {
    const outcome = await play(mail);
    return seconds(outcome.firstMs, outcome);
  };
  return { id, budget, needs: ["mail"], measure };
}

/**
 * Bytes on the link as a share of what one gzip stream of the same messages takes, which is what the leanest peer sends
 * (without any security). For messages nothing was fitted to.
 */
function gzipRow(id: string, folder: keyof Folders): RowPlan {
  const measure = async (folders: Folders): Promise<Measured> => {
    const samples = folders[folder];
    const { bytes, intact, of } = await waiting(samples, STREAM);
    const gzip = gzipSync(Buffer.concat(samples.map((sample) => sample.bytes)), { level: 9 }).length;
    return { value: bytes / gzip, unit: `of ${gzip} B gzipped`, delivered: intact, of };
  };
  return { id, budget: 0.95, needs: [folder], measure };
}

/**
 * Parcels a text, and how many texts were exactly one. The nodes are acquainted: a radio that carries nothing begins its
 * handshake when there is something to send, and small-first and small-acquainted count that.
 */
function parcelsRow(id: string, parcelBytesMax: number): RowPlan {
  const measure = async ({ small }: Folders): Promise<Measured> => {
    const parcels: number[] = [];
    await single(small, lora(parcelBytesMax), {
      acquainted: true,
      each: (count) => void parcels.push(count),
    });
    const value = parcels.reduce((sum, count) => sum + count, 0) / small.length;
    const alone = parcels.filter((count) => count === 1).length;
    return { value, unit: "parcels/text", delivered: alone, of: small.length };
  };
  return { id, budget: 1, needs: ["small"], measure };
}

/** Each run of the cut link is compared with the run without cuts, which is played once for a set of messages. */
const uncut = new WeakMap<Folders, Promise<Outcome>>();

function uncutOf(folders: Folders): Promise<Outcome> {
  const known = uncut.get(folders) ?? cutLink(folders.mixed, CUT, "whole");
  uncut.set(folders, known);
  return known;
}

function cutRow(id: string, weather: "cut" | "killed"): RowPlan {
  const measure = async (folders: Folders): Promise<Measured> => {
    const whole = await uncutOf(folders);
    const { bytes, intact, of } = await cutLink(folders.mixed, CUT, weather);
    return { value: bytes / whole.bytes, unit: `of ${whole.bytes} B uncut`, delivered: intact, of };
  };
  return { id, budget: 1.03, needs: ["mixed"], measure };
}

const uncutRow: RowPlan = {
  id: "cut-link-whole",
  budget: 850,
  needs: ["mixed"],
  async measure(folders) {
    const { bytes, intact, of } = await uncutOf(folders);
    return { value: bytes / 1_000, unit: "kB", delivered: intact, of };
  },
};

const flashRow: RowPlan = {
  id: "flash-behind-bulk",
  budget: 6,
  needs: ["small", "mixed"],
  async measure({ small, mixed }) {
    const outcome = await flashBehindBulk(one(small), longest(mixed), SLOW);
    return seconds(outcome.tookMs, outcome);
  },
};

const duplicatesRow: RowPlan = {
  id: "probe-duplicates",
  budget: 5,
  needs: ["mail"],
  async measure({ mail }) {
    const { duplicateBytes, payloadBytes, intact, of } = await probeDuplicates(mail);
    const unit = `% of ${payloadBytes} B`;
    return { value: (100 * duplicateBytes) / payloadBytes, unit, delivered: intact, of };
  },
};

/** What the 40-mail rows configure beyond the defaults, as an owner of such a link would. */
const LONG_CHUNKS: Partial<RelaySettings> = {};

const fromOutside = (sample: Sample, index: number) =>
  submissionOf(sample, { outsider: `writer${index}@elsewhere${index}.example` });

/** The table that decides whether the link conversation is lean. */
export const ROWS: readonly RowPlan[] = [
  bytesRow("small-waiting", 50, "small", (s) => waiting(s, STREAM)),
  bytesRow("mail-waiting", 490, "mail", (s) => waiting(s, STREAM)),
  bytesRow("mail-outsiders", 700, "mail", (s) => waiting(s, STREAM, { submission: fromOutside })),
  bytesRow("small-single", 210, "small", (s) => single(s, STREAM)),
  bytesRow("mail-single", 850, "mail", (s) => single(s, STREAM)),
  bytesRow("small-first", 520, "small", (s) => first(one(s), STREAM, false)),
  bytesRow("small-acquainted", 260, "small", (s) => first(one(s), STREAM, true)),
  timeRow("mail-1200", 140, "mail", (s) => waiting(s, SLOW, { settings: LONG_CHUNKS })),
  timeRow("mail-300hd", 535, "mail", (s) => waiting(s, HALF_DUPLEX, { settings: LONG_CHUNKS })),
  firstMailRow("mail-1200-first", 60, (s) => waiting(s, SLOW)),
  firstMailRow("mail-300hd-first", 60, (s) => waiting(s, HALF_DUPLEX)),
  flashRow,
  cutRow("cut-link", "cut"),
  cutRow("cut-link-killed", "killed"),
  uncutRow,
  duplicatesRow,
  parcelsRow("lora-219", 219),
  parcelsRow("lora-231", 231),
  gzipRow("small-gzip", "small"),
  gzipRow("mail-gzip", "mail"),
];

function one(samples: readonly Sample[]): Sample {
  const [sample] = samples;
  if (sample === undefined) throw new Error("the folder has no message");
  return sample;
}

function longest(samples: readonly Sample[]): Sample {
  return samples.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a), one(samples));
}
