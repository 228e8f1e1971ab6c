import { expect } from "vitest";
import { arrival, content, delivery, envelope, HOUR_MS, message, same, sixteen } from "./spool-samples.js";
import type { SpoolCases, SpoolWorld } from "./spool-world.js";

/** Everything a caller can see, in plain data. */
async function all({ spool }: SpoolWorld) {
  const { fill: _, ...stats } = await spool.stats();
  return {
    stats,
    messages: await spool.listMessages({ limit: 99 }),
    envelopes: await spool.listEnvelopes(99),
    deliveries: await spool.listDeliveries({ limit: 99 }),
    legs: await spool.legs({ link: "radio", afterLegId: 0, limit: 99 }),
    state: await spool.getState("pair"),
    body: same(await spool.messageBody(message(1).key), content(70_000)),
    payload: same(await spool.envelopePayload(sixteen(5)), content(200_000)),
  };
}

async function some(world: SpoolWorld): Promise<void> {
  const { spool } = world;
  await spool.acceptMessages([message(1, { body: content(70_000) }), message(2)]);
  await spool.endMessage(message(2).key, "delivered", "here");
  await spool.acceptEnvelope(envelope(5, { payload: content(200_000) }));
  await spool.acceptArrival(arrival(6, [delivery(1)]));
  await spool.putState("pair", content(32));
}

export const durabilityCases: SpoolCases = {
  "what was acknowledged is there after a crash": async (world) => {
    await some(world);
    const before = await all(world);
    await world.crash();
    expect(await all(world)).toEqual(before);
  },

  "what was acknowledged is there after a restart": async (world) => {
    await some(world);
    const before = await all(world);
    await world.restart();
    expect(await all(world)).toEqual(before);
  },

  "what was not acknowledged is there whole, or not at all": async (world) => {
    await world.spool.acceptMessages([message(1)]);
    void world.spool.acceptMessages([message(2), message(3)]);
    void world.spool.acceptEnvelope(envelope(5));
    await world.crash();
    const { messages, legs, stats } = await all(world);
    expect([1, 3]).toContain(messages.length);
    const held = (await world.spool.envelope(sixteen(5))) === null ? 0 : 1;
    expect(legs.length).toBe(messages.length + held);
    expect(stats.waitingCount).toEqual([0, 0, legs.length, 0]);
    expect((await world.spool.seen(sixteen(5))) === null).toBe(held === 0);
  },

  "close keeps what was still waiting for its commit": async (world) => {
    void world.spool.acceptMessages([message(1)]);
    void world.spool.writePartial(sixteen(40), 9, 0, content(9));
    await world.restart();
    expect(await world.spool.message(message(1).key)).not.toBeNull();
    expect(await world.spool.readPartial(sixteen(40))).toEqual(content(9));
  },

  "everyone reads what they wrote before": async ({ spool }) => {
    void spool.acceptMessages([message(1)]);
    void spool.acceptEnvelope(envelope(5));
    expect(await spool.message(message(1).key)).not.toBeNull();
    expect((await spool.stats()).waitingCount[2]).toBe(2);
  },

  "calls that come together are answered each": async ({ spool }) => {
    const sequences = Array.from({ length: 300 }, (_, index) => index);
    await Promise.all(sequences.map((sequence) => spool.acceptMessages([message(sequence)])));
    const kept = (await spool.listMessages({ limit: 1_000 })).map((one) => one.key.sequence);
    expect(kept.reverse()).toEqual(sequences);
  },

  "a closed store refuses, and closing again is fine": async (world) => {
    const { spool } = world;
    await world.restart();
    await spool.close();
    await expect(spool.acceptMessages([message(1)])).rejects.toMatchObject({
      code: "EST_OPERATING_DISK_FAULT",
    });
    await expect(spool.stats()).rejects.toMatchObject({ code: "EST_OPERATING_DISK_FAULT" });
  },

  "spool time passes while the process is down": async (world) => {
    const beforeMs = world.spool.nowMs();
    await world.spool.close();
    world.clock.advance(HOUR_MS);
    await world.restart();
    expect(world.spool.nowMs()).toBe(beforeMs + HOUR_MS);
    await world.crash();
    expect(world.spool.nowMs()).toBe(beforeMs + HOUR_MS);
  },

  "over a reboot only a clock trusted before and after adds the gap": async (world) => {
    const { clock } = world;
    const reboot = async (gapMs: number): Promise<number> => {
      await world.spool.flush();
      const beforeMs = world.spool.nowMs();
      await world.spool.close();
      clock.reboot(gapMs);
      await world.restart();
      return world.spool.nowMs() - beforeMs;
    };
    expect(await reboot(HOUR_MS)).toBe(0);
    clock.setWall(1_800_000_000_000, "trusted");
    expect(await reboot(HOUR_MS)).toBe(HOUR_MS);
    expect(await reboot(-HOUR_MS)).toBe(0);
    clock.setWall(1_800_000_000_000, "plausible");
    expect(await reboot(HOUR_MS)).toBe(0);
  },

  "a wall clock that jumps expires nothing": async (world) => {
    await world.spool.acceptMessages([message(1)]);
    world.clock.setWall(4_000_000_000_000, "trusted");
    expect((await world.spool.expire(9)).messages).toEqual([]);
    world.clock.setWall(0, "untrusted");
    await world.restart();
    expect((await world.spool.expire(9)).messages).toEqual([]);
  },

  "spool time is kept at least every minute": async (world) => {
    const { clock } = world;
    const beforeMs = world.spool.nowMs();
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(60_000);
      await world.spool.getState("nothing");
    }
    clock.reboot(0);
    await world.crash();
    expect(world.spool.nowMs() - beforeMs).toBeGreaterThanOrEqual(9 * 60_000);
  },

  "no timer is left when it is closed": async (world) => {
    await world.spool.writePartial(sixteen(40), 9, 0, content(9));
    await world.spool.close();
    expect(world.clock.pendingTimerCount).toBe(0);
  },

  "a flood beyond the queue's bound is still answered": async ({ spool }) => {
    const calls = Array.from({ length: 5_000 }, (_, index) =>
      spool.putState(`name ${index % 100}`, content(8, index)),
    );
    await Promise.all(calls);
    expect(await spool.getState("name 99")).toEqual(content(8, 4_999));
  },
};
