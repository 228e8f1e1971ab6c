import { describe, expect, it } from "vitest";
import { LINK_LIMITS } from "./limits.js";
import { KIND, pairEpoch } from "./session.js";
import { neighbour, radio, seededRng, transferOf } from "./testing/fixtures.js";
import { admitAll, established, HOUR_MS, meet, ship, shore } from "./testing/pair.js";
import { offerUntilTaken, restart } from "./testing/relay.js";
import { CALM, type End, World } from "./testing/world.js";
import { Timing } from "./timing.js";

/** The wait for an answer at 1200 bit/s with parcels of 128 bytes: SPEC-LINK.md §6. */
const ANSWER_MS = new Timing(radio(128), seededRng(1)).answerMs();
const SEEDS = Number(process.env.RECOVERY_SEEDS ?? 100);
/** Parcels of a handshake and what follows it, at each of which an end is killed. */
const PARCELS = [1, 2, 3, 4, 5, 6, 7, 8] as const;
const WAYS = ["resume", "KK", "XX"] as const;

/** Virtual time until both ends have passed something to the other: a session that works both ways. */
function exchange(world: World, [a, b]: readonly [End, End]): number {
  const beganMs = world.nowMs;
  const open = [offerUntilTaken(a, transferOf(1, 40)), offerUntilTaken(b, transferOf(2, 40))];
  const ok = world.run(beganMs + HOUR_MS, () => open.map((taken) => taken()).every(Boolean));
  return ok ? world.nowMs - beganMs : Number.POSITIVE_INFINITY;
}

/** Two ends of which `a` is about to begin a handshake of this kind; `b` perhaps holds a session still. */
function aboutToBegin(way: (typeof WAYS)[number], inSession: boolean, seed: number) {
  const world = new World(radio(128), { ...CALM }, seed);
  const admit = admitAll([ship, shore]);
  const knows = way !== "XX";
  const a = world.add({ self: ship, expected: knows ? neighbour(shore) : null, admit });
  const b = world.add({ self: shore, expected: knows ? neighbour(ship) : null, admit });
  if (inSession || way === "resume") {
    a.conversation.start(world.nowMs);
    const open = (): boolean => a.conversation.canOffer() && b.conversation.canOffer();
    if (!world.run(world.nowMs + 120_000, open)) throw new Error("the ends do not meet");
    world.run(world.nowMs + 20_000);
  }
  restart(a, way === "resume", false);
  if (!inSession) restart(b, way === "resume", false);
  return { world, a, b };
}

interface Case {
  readonly way: (typeof WAYS)[number];
  readonly inSession: boolean;
  readonly victim: "initiator" | "responder";
  readonly keepsSecret: boolean;
  readonly parcel: number;
  readonly loss: number;
  readonly seed: number;
}

/** Milliseconds from the restart of the victim, killed when this parcel was handed to the channel. */
function recoveryMs({ way, inSession, victim, keepsSecret, parcel, loss, seed }: Case): number {
  const { world, a, b } = aboutToBegin(way, inSession, seed);
  world.weather.loss = loss;
  const before = world.record.length;
  a.conversation.start(world.nowMs);
  world.run(world.nowMs + 60_000, () => world.record.length >= before + parcel);
  restart(victim === "initiator" ? a : b, keepsSecret, victim === "initiator");
  return exchange(world, [a, b]);
}

describe("an end killed in the middle of a handshake", () => {
  it("is understood again within a few round trips, whatever was said last", { timeout: 180_000 }, () => {
    for (const way of WAYS)
      for (const inSession of [false, true])
        for (const victim of ["initiator", "responder"] as const)
          for (const keepsSecret of [true, false])
            for (const parcel of PARCELS) {
              const one: Case = { way, inSession, victim, keepsSecret, parcel, loss: 0, seed: 5 };
              const ms = recoveryMs(one);
              expect(ms / ANSWER_MS, JSON.stringify(one)).toBeLessThan(LINK_LIMITS.recoveryAnswersMax);
            }
  });

  it(`is understood again at 10 % loss, ${SEEDS} seeds`, { timeout: 600_000 }, () => {
    const answers: number[] = [];
    for (let seed = 1; seed <= SEEDS; seed++)
      for (const way of WAYS)
        for (const victim of ["initiator", "responder"] as const)
          for (const parcel of process.env.RECOVERY_EVERY === "1" ? PARCELS : [PARCELS[seed % 8] ?? 1]) {
            const [inSession, keepsSecret] = [(seed >> 3) % 2 === 0, seed % 3 > 0];
            const one: Case = { way, inSession, victim, keepsSecret, parcel, loss: 0.1, seed };
            const taken = recoveryMs(one) / ANSWER_MS;
            expect(taken, JSON.stringify(one)).toBeLessThan(3 * LINK_LIMITS.recoveryAnswersMax);
            answers.push(taken);
          }
    answers.sort((x, y) => x - y);
    expect(answers[Math.floor(answers.length * 0.9)]).toBeLessThan(LINK_LIMITS.recoveryAnswersMax);
  });
});

describe("a candidate whose initiator vanished", () => {
  /** `b` has restarted, and answered a first message whose sender is not heard again. */
  function vanished(loss: number, seed: number) {
    const { world, a, b } = meet(radio(128), seed);
    world.weather.loss = loss;
    restart(b, true, false);
    const epoch = pairEpoch(a.keeper.pairSecret ?? new Uint8Array(0));
    const first = Uint8Array.of(KIND.resume1 << 5, ...epoch, ...world.rng.bytes(8), 0x12, 0, 128);
    b.conversation.heard(first, world.nowMs);
    return { world, a, b };
  }

  it("does not keep the other end from being told that its session is unknown", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, a, b } = vanished(0, seed);
      const ms = exchange(world, [a, b]);
      expect(ms / ANSWER_MS, `seed ${seed}`).toBeLessThan(LINK_LIMITS.recoveryAnswersMax);
      expect(established(a)).toHaveLength(2);
    }
    for (let seed = 1; seed <= 20; seed++) {
      const { world, a, b } = vanished(0.1, seed);
      expect(exchange(world, [a, b]) / ANSWER_MS).toBeLessThan(3 * LINK_LIMITS.recoveryAnswersMax);
    }
  });

  it("is no longer under way after its life, and its keys still open what comes late", () => {
    const { world, a, b } = aboutToBegin("resume", false, 3);
    a.conversation.start(world.nowMs);
    world.run(world.nowMs + 60_000, () => world.record.length > 0 && a.log.at(-1)?.type === "established");
    expect(b.conversation.status().state).toBe("handshake");
    const late = world.up;
    world.up = false;
    const lifeMs = LINK_LIMITS.candidateLifeAnswers * ANSWER_MS;
    world.run(world.nowMs + lifeMs / 2);
    b.conversation.tick(world.nowMs);
    expect(b.conversation.status().state).toBe("handshake");
    world.run(world.nowMs + lifeMs / 2);
    b.conversation.tick(world.nowMs);
    expect(b.conversation.status().state).toBe("idle");
    world.up = late;
    expect(exchange(world, [a, b]) / ANSWER_MS).toBeLessThan(LINK_LIMITS.recoveryAnswersMax);
    expect([established(a).length, established(b).length]).toEqual([2, 2]);
  });
});
