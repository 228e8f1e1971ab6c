import { memoryProfiles } from "@estafette/bearer-memory";
import { AirGateway } from "./gateway.js";
import { countIntact, type Sample, submissionOf } from "./messages.js";
import { HALF_DUPLEX } from "./profiles.js";
import { AirWorld } from "./world.js";

export interface Duplicates {
  /** Everything the slow link carried in both directions for messages that had arrived before. */
  readonly duplicateBytes: number;
  /** Envelopes of these messages, as sealed. */
  readonly payloadBytes: number;
  readonly intact: number;
  readonly of: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Long enough that a delivery ashore is seen, and the link cut, while the answer is still on its way. */
const FAST = { ...memoryProfiles.stream, overheadBytes: 2, delayMs: { min: 2_000, max: 2_000 } };

/** Messages handed in together; our choice, because a link that breaks seldom has just one under way. */
const GROUP = 5;

/**
 * Two ways between a ship and its shore. Messages go out on the fast one in groups of {@link GROUP}; for every second group
 * that one goes down right after the messages have arrived and before the answers have come back. So the ship offers
 * them again, by the 300 bit/s link, to a shore that has them.
 */
export async function probeDuplicates(samples: readonly Sample[]): Promise<Duplicates> {
  const world = new AirWorld("duplicates");
  const [fast, slow] = [world.medium("fast", FAST), world.medium("slow", HALF_DUPLEX)];
  const gateway = (name: string, peer: string) =>
    new AirGateway(world, name, [
      { name: "fast", medium: fast, peer },
      { name: "slow", medium: slow, peer },
    ]);
  const [ship, shore] = [gateway("ship", "shore"), gateway("shore", "ship")];
  const slowBytes = (): number => slow.counters().bytesOnAir;
  try {
    await ship.start();
    await shore.start();
    await world.runFor(2 * MINUTE_MS);
    const idleBytes = slowBytes();
    let payloadBytes = 0;
    for (let sent = 0; sent < samples.length; sent += GROUP) {
      const group = samples.slice(sent, sent + GROUP);
      for (const sample of group) await submit(ship, sample);
      await world.until(() => shore.delivered.length >= sent + group.length, HOUR_MS);
      const arrivesTwice = (sent / GROUP) % 2 === 1;
      if (arrivesTwice) fast.cut();
      if (arrivesTwice) payloadBytes += unanswered(ship).reduce((sum, one) => sum + one.envelopeBytes, 0);
      await world.until(() => unanswered(ship).length === 0, HOUR_MS);
      fast.restore();
      await world.runFor(MINUTE_MS);
    }
    const duplicateBytes = slowBytes() - idleBytes;
    const deliveries = shore.delivered.map((one) => one.delivery);
    return { duplicateBytes, payloadBytes, intact: countIntact(samples, deliveries), of: samples.length };
  } finally {
    await ship.stop();
    await shore.stop();
    world.remove();
  }
}

/** Envelopes the ship has composed and no neighbour has said that it took. */
function unanswered({ events }: AirGateway) {
  const taken = new Set(events.map((event) => (event.type === "forwarded" ? event.envelopeId : "")));
  return events.filter((event) => event.type === "composed").filter((one) => !taken.has(one.envelopeId));
}

async function submit(ship: AirGateway, sample: Sample): Promise<void> {
  if (!ship.relay) throw new Error("the ship is not running");
  const result = await ship.world.during(ship.relay.submit(submissionOf(sample)));
  if (result.outcome !== "accepted") throw new Error(`refused: ${result.why} ${result.text}`);
}
