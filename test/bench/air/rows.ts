import { join } from "node:path";
import { type MemoryProfile, memoryProfiles } from "@estafette/bearer-memory";
import type { Submission } from "@estafette/contract";
import { countIntact, readSamples, type Sample, submissionOf } from "./messages.js";
import { AirPair } from "./pair.js";

/** One line of the table. `budget` is what must be reached; `value` is never made to fit it. */
export interface Row {
  readonly id: string;
  readonly value: number;
  readonly unit: string;
  readonly delivered: number;
  readonly of: number;
  readonly budget: number;
}

export interface Folders {
  readonly small: readonly Sample[];
  readonly mail: readonly Sample[];
  readonly mixed: readonly Sample[];
}

export function readFolders(folder: string): Folders {
  return {
    small: readSamples(join(folder, "W-small")),
    mail: readSamples(join(folder, "W-mail")),
    mixed: readSamples(join(folder, "W")),
  };
}

/** Length prefix of bearer-tcp, in bytes. */
const STREAM: MemoryProfile = { ...memoryProfiles.stream, overheadBytes: 2 };

/** A transparent modem on a serial line: frames of bearer-serial (COBS, CRC-32, delimiters) add 7 bytes. */
const SLOW: MemoryProfile = {
  ...memoryProfiles.stream,
  parcelBytesMax: 255,
  overheadBytes: 7,
  bitsPerSecond: 1_200,
  delayMs: { min: 1_000, max: 1_000 },
  answerMs: 2_500,
};

const HOUR_MS = 3_600_000;

async function withPair<T>(
  profile: MemoryProfile,
  seed: string,
  play: (pair: AirPair) => Promise<T>,
): Promise<T> {
  const pair = new AirPair(seed, profile);
  try {
    if (seed === "first") pair.cutFromTheStart();
    await pair.start();
    return await play(pair);
  } finally {
    await pair.remove();
  }
}

async function submitAll(pair: AirPair, submissions: readonly Submission[]): Promise<void> {
  for (const submission of submissions) {
    const result = await pair.during(pair.ship?.submit(submission) ?? Promise.reject(new Error("no ship")));
    if (result.outcome !== "accepted") throw new Error(`refused: ${result.why} ${result.text}`);
  }
}

/** Everything is there before the link opens; the handshake counts. */
async function waiting(
  samples: readonly Sample[],
  profile: MemoryProfile,
  submission: (sample: Sample, index: number) => Submission = (s) => submissionOf(s),
) {
  return await withPair(profile, "waiting", async (pair) => {
    pair.air.cut();
    await submitAll(pair, samples.map(submission));
    await pair.runFor(60_000);
    const beganMs = pair.kernel.nowMs;
    const before = pair.bytesOnLink;
    pair.air.restore();
    await pair.untilDelivered(samples.length, 24 * HOUR_MS);
    const tookMs = (pair.delivered.at(-1)?.atMs ?? Number.POSITIVE_INFINITY) - beganMs;
    await pair.runFor(60_000);
    const intact = countIntact(
      samples,
      pair.delivered.map((d) => d.delivery),
    );
    return { bytes: pair.bytesOnLink - before, tookMs, intact };
  });
}

/** One at a time on an open link: the next is handed in when the one before is settled. */
async function single(samples: readonly Sample[], profile: MemoryProfile) {
  return await withPair(profile, "single", async (pair) => {
    await pair.runFor(60_000);
    const before = pair.bytesOnLink;
    for (const [index, sample] of samples.entries()) {
      await submitAll(pair, [submissionOf(sample)]);
      await pair.untilDelivered(index + 1, HOUR_MS);
      await pair.runFor(10_000);
    }
    const intact = countIntact(
      samples,
      pair.delivered.map((d) => d.delivery),
    );
    return { bytes: pair.bytesOnLink - before, intact };
  });
}

/** One text on a fresh link, handshake included; `acquainted`: the nodes have met before. */
async function first(sample: Sample, acquainted: boolean) {
  return await withPair(STREAM, "first", async (pair) => {
    // The stations came up on a medium that is cut: nothing has been said yet.
    if (acquainted) {
      pair.air.restore();
      await pair.runFor(60_000);
      pair.air.cut();
      await pair.runFor(60_000);
    }
    const before = pair.bytesOnLink;
    await submitAll(pair, [submissionOf(sample)]);
    pair.air.restore();
    await pair.untilDelivered(1, HOUR_MS);
    await pair.runFor(10_000);
    return {
      bytes: pair.bytesOnLink - before,
      intact: countIntact(
        [sample],
        pair.delivered.map((d) => d.delivery),
      ),
    };
  });
}

/** How long a flash text takes that is handed in 60 s after a 300 kB transfer began. */
async function flashBehindBulk(small: Sample, bulk: Sample) {
  return await withPair(SLOW, "flash", async (pair) => {
    await submitAll(pair, [submissionOf(bulk, { class: "bulk" })]);
    await pair.runFor(60_000);
    const beganMs = pair.kernel.nowMs;
    await submitAll(pair, [submissionOf(small, { class: "flash" })]);
    await pair.untilDelivered(1, HOUR_MS);
    const [arrival] = pair.delivered;
    return {
      tookMs: (arrival?.atMs ?? Number.POSITIVE_INFINITY) - beganMs,
      intact: countIntact(
        [small],
        pair.delivered.map((d) => d.delivery),
      ),
    };
  });
}

/** 60 s up, 30 s down; compared with the same run without cuts. */
async function cutLink(samples: readonly Sample[], cuts: boolean) {
  const profile = { ...SLOW, bitsPerSecond: 9_600, delayMs: { min: 200, max: 200 }, answerMs: 600 };
  return await withPair(profile, "cut", async (pair) => {
    await submitAll(
      pair,
      samples.map((s) => submissionOf(s)),
    );
    const endMs = pair.kernel.nowMs + HOUR_MS;
    while (pair.delivered.length < samples.length && pair.kernel.nowMs < endMs) {
      await pair.untilDelivered(samples.length, 60_000);
      if (!cuts || pair.delivered.length >= samples.length) continue;
      pair.air.cut();
      await pair.runFor(30_000);
      pair.air.restore();
    }
    await pair.runFor(10_000);
    return {
      bytes: pair.bytesOnLink,
      intact: countIntact(
        samples,
        pair.delivered.map((d) => d.delivery),
      ),
    };
  });
}

type Measure = (folders: Folders) => Promise<Omit<Row, "id" | "budget">>;

const per = (bytes: number, of: number, intact: number) => ({
  value: bytes / of,
  unit: "B/message",
  delivered: intact,
  of,
});
const seconds = (ms: number, of: number, intact: number) => ({
  value: ms / 1000,
  unit: "s",
  delivered: intact,
  of,
});

/** Row ids and budgets of the table that decides whether the link conversation is lean. */
export const ROWS: readonly { readonly id: string; readonly budget: number; readonly measure: Measure }[] = [
  {
    id: "small-waiting",
    budget: 50,
    measure: async ({ small }) => {
      const r = await waiting(small, STREAM);
      return per(r.bytes, small.length, r.intact);
    },
  },
  {
    id: "mail-waiting",
    budget: 490,
    measure: async ({ mail }) => {
      const r = await waiting(mail, STREAM);
      return per(r.bytes, mail.length, r.intact);
    },
  },
  {
    id: "mail-outsiders",
    budget: 700,
    measure: async ({ mail }) => {
      const r = await waiting(mail, STREAM, (s, i) =>
        submissionOf(s, { outsider: `writer${i}@elsewhere${i}.example` }),
      );
      return per(r.bytes, mail.length, r.intact);
    },
  },
  {
    id: "small-single",
    budget: 210,
    measure: async ({ small }) => {
      const r = await single(small, STREAM);
      return per(r.bytes, small.length, r.intact);
    },
  },
  {
    id: "mail-single",
    budget: 850,
    measure: async ({ mail }) => {
      const r = await single(mail, STREAM);
      return per(r.bytes, mail.length, r.intact);
    },
  },
  {
    id: "small-first",
    budget: 520,
    measure: async ({ small }) => {
      const r = await first(must(small[0]), false);
      return per(r.bytes, 1, r.intact);
    },
  },
  {
    id: "small-acquainted",
    budget: 260,
    measure: async ({ small }) => {
      const r = await first(must(small[0]), true);
      return per(r.bytes, 1, r.intact);
    },
  },
  {
    id: "mail-1200",
    budget: 140,
    measure: async ({ mail }) => {
      const r = await waiting(mail, SLOW);
      return seconds(r.tookMs, mail.length, r.intact);
    },
  },
  {
    id: "mail-300hd",
    budget: 535,
    measure: async ({ mail }) => {
      const r = await waiting(mail, HALF_DUPLEX);
      return seconds(r.tookMs, mail.length, r.intact);
    },
  },
  {
    id: "flash-behind-bulk",
    budget: 6,
    measure: async ({ small, mixed }) => {
      const r = await flashBehindBulk(must(small[0]), largest(mixed));
      return seconds(r.tookMs, 1, r.intact);
    },
  },
  {
    id: "cut-link",
    budget: 1.03,
    measure: async ({ mixed }) => {
      const whole = await cutLink(mixed, false);
      const cut = await cutLink(mixed, true);
      return {
        value: cut.bytes / whole.bytes,
        unit: `of ${whole.bytes} B uncut`,
        delivered: cut.intact,
        of: mixed.length,
      };
    },
  },
];

const HALF_DUPLEX: MemoryProfile = {
  ...SLOW,
  duplex: "half",
  bitsPerSecond: 300,
  turnaroundMs: 250,
  delayMs: { min: 50, max: 50 },
  answerMs: 700,
};

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the folder has no such message");
  return value;
}

function largest(samples: readonly Sample[]): Sample {
  return samples.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a));
}
