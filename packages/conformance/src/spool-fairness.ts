import type { Leg, NewMessage } from "@estafette/spool";
import { expect } from "vitest";
import { content, envelope, HOUR_MS, message, sixteen } from "./spool-samples.js";
import type { SpoolCases, SpoolWorld } from "./spool-world.js";

const THOUSAND = content(1_000);
const FEW = 3;
const PLENTY = { limit: 99, bodyBytesMax: 1_000_000 };

/** Messages of one account, nearer to their deadline than those of others where `lifetimeMs` says so. */
function mails(
  account: string,
  from: number,
  count: number,
  changes: Partial<NewMessage> = {},
): NewMessage[] {
  return Array.from({ length: count }, (_, i) => message(from + i, { account, body: THOUSAND, ...changes }));
}

function sequence({ what }: Leg): number {
  return what.kind === "message" ? what.key.sequence : -1;
}

async function order(world: SpoolWorld, limit = 1_000): Promise<readonly number[]> {
  return (await world.ready(limit)).map(sequence);
}

/** Carries the first leg, so many times. */
async function carry(world: SpoolWorld, count: number): Promise<readonly number[]> {
  const gone: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const leg = await world.firstLeg();
    await world.spool.settleLeg(leg.legId, { outcome: "taken" });
    gone.push(sequence(leg));
  }
  return gone;
}

export const fairnessCases: SpoolCases = {
  "who has much does not keep others waiting": async (world) => {
    await world.spool.acceptMessages(mails("anna", 1_000, 500, { lifetimeMs: HOUR_MS }));
    await world.spool.acceptMessages(mails("ben", 1, FEW, { lifetimeMs: 9 * HOUR_MS }));
    const first = (await order(world)).slice(0, 20);
    expect(first.filter((one) => one <= FEW)).toEqual([1, 2, 3]);
    expect(await order(world)).toHaveLength(500 + FEW);
  },

  "turns go on from what was carried": async (world) => {
    await world.spool.acceptMessages(mails("anna", 1_000, 60));
    await world.spool.acceptMessages(mails("ben", 2_000, 60));
    const planned = (await order(world)).slice(0, 40);
    expect(await carry(world, 40)).toEqual(planned);
    const ofAnna = planned.filter((one) => one < 2_000).length;
    expect(Math.abs(2 * ofAnna - 40)).toBeLessThanOrEqual(10);
  },

  "looking alone changes nothing, and whoever is new is not behind": async (world) => {
    await world.spool.acceptMessages(mails("anna", 1_000, 60));
    await carry(world, 30);
    const before = await order(world);
    for (let look = 0; look < 5; look++) expect(await order(world)).toEqual(before);
    await world.spool.acceptMessages(mails("ben", 1, 1));
    expect((await order(world)).slice(0, 10)).toContain(1);
  },

  "everybody begins level after a restart, and nothing is lost": async (world) => {
    await world.spool.acceptMessages(mails("anna", 1_000, 20));
    await world.spool.acceptMessages(mails("ben", 2_000, 20));
    await carry(world, 10);
    const before = new Set(await order(world));
    await world.crash();
    expect(new Set(await order(world))).toEqual(before);
  },

  "those a neighbour sends do not keep our own waiting, nor those of another origin": async (world) => {
    const { spool } = world;
    for (let id = 100; id < 160; id++) {
      const payload = content(2_000);
      await spool.acceptEnvelope(envelope(id, { payload, origin: sixteen(31), lifetimeMs: 2 * HOUR_MS }));
    }
    await spool.acceptEnvelope(envelope(5, { origin: sixteen(32) }));
    await spool.acceptMessages(mails("anna", 1, 1));
    const first = (await world.ready(12)).map(({ what }) =>
      what.kind === "envelope" ? what.id[0] : sequence({ what } as Leg),
    );
    expect(first).toEqual(expect.arrayContaining([5, 1]));
  },

  "a batch takes from all who wait, and counts for each": async (world) => {
    const { spool } = world;
    await spool.acceptMessages(mails("anna", 1_000, 80, { lifetimeMs: HOUR_MS }));
    await spool.acceptMessages(mails("ben", 2_000, 80, { lifetimeMs: 9 * HOUR_MS }));
    const joined = await spool.companions(await world.firstLeg(), { ...PLENTY, limit: 40 });
    const keys = joined.map(({ record }) => record.key);
    const ofAnna = keys.filter((key) => key.sequence < 2_000).length;
    expect(Math.abs(2 * ofAnna - 40)).toBeLessThanOrEqual(10);
    const alone = mails("anna", 3_000, 20, { destination: sixteen(77), lifetimeMs: HOUR_MS });
    await spool.acceptMessages(alone);
    await spool.compose({ messages: alone.map((one) => one.key), envelope: envelope(9, { from: null }) });
    // Anna had twenty thousand bytes by herself: the next are of Ben, but for what is composed and on its way.
    const next = (await world.ready(12)).filter((leg) => leg.what.kind === "message").map(sequence);
    expect(next.filter((one) => one >= 2_000)).toHaveLength(next.length);
  },

  "of sixteen one is of the class below, and flash waits for one at most": async (world) => {
    const { spool } = world;
    await spool.acceptMessages(mails("anna", 100, 64, { class: "flash" }));
    await spool.acceptMessages(mails("ben", 1, 8, { class: "bulk" }));
    const all = await order(world);
    const places = [1, 2, 3, 4].map((one) => all.indexOf(one));
    expect(places).toEqual([15, 31, 47, 63]);
    expect(await carry(world, 40)).toEqual(all.slice(0, 40));
    const lower = (await carry(world, 24)).filter((one) => one < 100);
    expect(lower).toHaveLength(2);
  },

  "a class below that waits alone with flash is not passed over for ever": async (world) => {
    const { spool } = world;
    await spool.acceptMessages(mails("ben", 1, 2, { class: "normal" }));
    await spool.acceptMessages(mails("cleo", 11, 1, { class: "bulk" }));
    let next = 1_000;
    const gone: number[] = [];
    for (let turn = 0; turn < 70; turn++) {
      await spool.acceptMessages(mails("anna", next++, 1, { class: "flash" }));
      gone.push(...(await carry(world, 1)));
    }
    expect(gone.filter((one) => one < 100)).toEqual([1, 2, 11]);
  },
};
