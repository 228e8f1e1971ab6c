import type { MemoryProfile } from "@estafette/bearer-memory";
import type { Submission } from "@estafette/contract";
import type { RelaySettings } from "@estafette/relay";
import type { AirGateway } from "./gateway.js";
import { countIntact, type Sample, submissionOf } from "./messages.js";
import { AirPair } from "./pair.js";

/** What a play showed. */
export interface Outcome {
  /** Clocked onto the link in both directions, framing included. */
  readonly bytes: number;
  /** From the moment the play counts from to the last delivery, in milliseconds of virtual time; infinite: it never came. */
  readonly tookMs: number;
  /** The same to the first delivery. */
  readonly firstMs: number;
  /** Messages that arrived as they were sent, and how many there were. */
  readonly intact: number;
  readonly of: number;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Left to settle after the last delivery, so that the answers are counted. */
const SETTLE_MS = 10_000;

function outcomeOf(pair: AirPair, samples: readonly Sample[], beganMs: number, beganBytes: number): Outcome {
  const arrivals = pair.shore.delivered.map((one) => one.atMs - beganMs);
  const all = arrivals.length >= samples.length;
  return {
    bytes: pair.bytesOnLink - beganBytes,
    tookMs: all ? Math.max(...arrivals) : Number.POSITIVE_INFINITY,
    firstMs: Math.min(...arrivals),
    intact: countIntact(samples, pair.deliveries),
    of: samples.length,
  };
}

interface WaitingOptions {
  readonly settings?: Partial<RelaySettings>;
  readonly submission?: (sample: Sample, index: number) => Submission;
  /** Called before the pair goes, for what only the pair knows. */
  readonly look?: (pair: AirPair) => void;
  /** Milliseconds between handing in a message and the next: its age travels with it. Default: none. */
  readonly pausesMs?: readonly number[];
}

/** Everything is there before the link opens; the handshake counts. */
export async function waiting(
  samples: readonly Sample[],
  profile: MemoryProfile,
  { settings = {}, submission = (sample) => submissionOf(sample), look, pausesMs = [] }: WaitingOptions = {},
): Promise<Outcome> {
  return await AirPair.play({ seed: "waiting", profile, settings }, async (pair) => {
    pair.air.cut();
    for (const [index, sample] of samples.entries()) {
      await pair.submit([submission(sample, index)]);
      await pair.world.runFor(pausesMs[index] ?? 0);
    }
    await pair.world.runFor(MINUTE_MS);
    const [beganMs, beganBytes] = [pair.world.kernel.nowMs, pair.bytesOnLink];
    pair.air.restore();
    await pair.untilDelivered(samples.length, 24 * HOUR_MS);
    await pair.world.runFor(MINUTE_MS);
    look?.(pair);
    return outcomeOf(pair, samples, beganMs, beganBytes);
  });
}

interface SingleOptions {
  readonly look?: (pair: AirPair) => void;
  /** The nodes have met, and one text went through, before anything is counted. */
  readonly acquainted?: boolean;
  /** Parcels the ship sent from the handing in of a message to its delivery. */
  readonly each?: (parcelsSent: number) => void;
}

/** One at a time on an open link: the next is handed in when the one before is settled. */
export async function single(
  samples: readonly Sample[],
  profile: MemoryProfile,
  { look, acquainted = false, each }: SingleOptions = {},
): Promise<Outcome> {
  return await AirPair.play({ seed: "single", profile }, async (pair) => {
    await pair.world.runFor(MINUTE_MS);
    if (acquainted) await getAcquainted(pair);
    const [beganMs, beganBytes] = [pair.world.kernel.nowMs, pair.bytesOnLink];
    const known = pair.shore.delivered.length;
    for (const [index, sample] of samples.entries()) {
      const before = pair.ship.tally("air").parcelsSent;
      await pair.submit([submissionOf(sample)]);
      await pair.untilDelivered(known + index + 1, HOUR_MS);
      each?.(pair.ship.tally("air").parcelsSent - before);
      await pair.world.runFor(SETTLE_MS);
    }
    look?.(pair);
    return outcomeOf(pair, samples, beganMs, beganBytes);
  });
}

/** Opens the link where that waits for something to send. The text is none of those that are measured. */
async function getAcquainted(pair: AirPair): Promise<void> {
  const bytes = new TextEncoder().encode("Radio check. How do you read us?");
  await pair.submit([submissionOf({ name: "radio check", bytes, kind: "text" })]);
  await pair.untilDelivered(1, HOUR_MS);
  await pair.world.runFor(SETTLE_MS);
}

/** One text on a fresh link, handshake included; `acquainted`: the nodes have met before. */
export async function first(sample: Sample, profile: MemoryProfile, acquainted: boolean): Promise<Outcome> {
  return await AirPair.play({ seed: "first", profile, cut: true }, async (pair) => {
    if (acquainted) {
      pair.air.restore();
      await pair.world.runFor(MINUTE_MS);
      pair.air.cut();
      await pair.world.runFor(MINUTE_MS);
    }
    const [beganMs, beganBytes] = [pair.world.kernel.nowMs, pair.bytesOnLink];
    await pair.submit([submissionOf(sample)]);
    pair.air.restore();
    await pair.untilDelivered(1, HOUR_MS);
    await pair.world.runFor(SETTLE_MS);
    return outcomeOf(pair, [sample], beganMs, beganBytes);
  });
}

/** How long a flash text takes that is handed in a minute after a long transfer began. */
export async function flashBehindBulk(small: Sample, bulk: Sample, profile: MemoryProfile): Promise<Outcome> {
  return await AirPair.play({ seed: "flash", profile }, async (pair) => {
    await pair.submit([submissionOf(bulk, { class: "bulk" })]);
    await pair.world.runFor(MINUTE_MS);
    const [beganMs, beganBytes] = [pair.world.kernel.nowMs, pair.bytesOnLink];
    await pair.submit([submissionOf(small, { class: "flash" })]);
    await pair.untilDelivered(1, HOUR_MS);
    return outcomeOf(pair, [small], beganMs, beganBytes);
  });
}

const UP_MS = 60_000;
const DOWN_MS = 30_000;
/** How long a killed gateway is gone: a service manager starts it again. */
const GONE_MS = 5_000;

/** `whole`: the link stays up. `cut`: 60 s up, 30 s down. `killed`: and each gateway is killed once on the way. */
export async function cutLink(
  samples: readonly Sample[],
  profile: MemoryProfile,
  weather: "whole" | "cut" | "killed",
): Promise<Outcome> {
  return await AirPair.play({ seed: "cut", profile }, async (pair) => {
    const [beganMs, beganBytes] = [pair.world.kernel.nowMs, pair.bytesOnLink];
    await pair.submit(samples.map((sample) => submissionOf(sample)));
    const arrived = (): number => pair.shore.delivered.length;
    const kills = weather === "killed" ? killsOf(pair, samples.length) : [];
    const endMs = beganMs + 2 * HOUR_MS;
    while (arrived() < samples.length && pair.world.kernel.nowMs < endMs) {
      const due = kills[0];
      if (due && arrived() >= due.afterCount) {
        kills.shift();
        // In the middle of what is under way, 17 s after the link came back.
        await pair.untilDelivered(samples.length, 17_000);
        await killAndStart(pair, due.victim);
      }
      await pair.untilDelivered(samples.length, UP_MS);
      if (weather === "whole" || arrived() >= samples.length) continue;
      pair.air.cut();
      await pair.world.runFor(DOWN_MS);
      pair.air.restore();
    }
    if (kills.length > 0) throw new Error("the messages were through before both gateways were killed");
    await pair.world.runFor(SETTLE_MS);
    return outcomeOf(pair, samples, beganMs, beganBytes);
  });
}

function killsOf(
  pair: AirPair,
  count: number,
): { readonly victim: AirGateway; readonly afterCount: number }[] {
  return [
    { victim: pair.ship, afterCount: Math.floor(count / 4) },
    { victim: pair.shore, afterCount: Math.floor(count / 2) },
  ];
}

async function killAndStart(pair: AirPair, victim: AirGateway): Promise<void> {
  victim.kill();
  await pair.world.runFor(GONE_MS);
  await victim.start();
}
