import type { Bearer, BearerEvent, SendResult } from "@estafette/contract";
import { expect } from "vitest";

/** Two ends of one channel, made fresh for each test, and what a test may do to them. */
export interface BearerWorld {
  readonly a: Bearer;
  readonly b: Bearer;
  /** Lets time pass on the clock the bearers were given: virtual, or by waiting. */
  advance(durationMs: number): Promise<void>;
  /** Longest time anything here may take, in milliseconds. */
  readonly patienceMs: number;
  /** Timers pending on the clock the bearers were given; not those of the channel itself. */
  pendingTimers(): number;
  /** Interrupts the channel between the ends, and restores it. */
  cut?(): void;
  restore?(): void;
  /** Bytes for `a` that no bearer sent. */
  injectTowardsA?(bytes: Uint8Array): void;
  /** What a parcel looks like on the wire, where bytes and not parcels are injected. */
  frame?(parcelBytes: Uint8Array): Uint8Array;
  /** False: a frame has no check of its own, so that half of one is heard as a parcel; the link refuses it. Default true. */
  readonly checksFrames?: boolean;
  /** The channel keeps what was not settled and offers it again. */
  readonly keepsUnsettled?: boolean;
  close(): Promise<void>;
}

export type Heard = Extract<BearerEvent, { type: "heard" }>;

/** One end, being run. */
export class RunningEnd {
  readonly events: BearerEvent[] = [];
  /** How the run ended; `null` while it goes on. */
  ending: { readonly error: unknown } | null = null;
  readonly #stop = new AbortController();

  constructor(
    readonly world: BearerWorld,
    readonly bearer: Bearer,
    /** Called for each heard parcel; default: settled as accepted. */
    private readonly onHeard: (heard: Heard) => void = (heard) =>
      void bearer.settle(heard.parcelId, "accepted"),
  ) {
    void this.#run();
  }

  async #run(): Promise<void> {
    try {
      for await (const event of this.bearer.run(this.#stop.signal)) {
        this.events.push(event);
        if (event.type === "heard") this.onHeard(event);
      }
      this.ending = { error: undefined };
    } catch (error) {
      this.ending = { error };
    }
  }

  get heard(): Heard[] {
    return this.events.filter((event) => event.type === "heard");
  }

  /** Neighbours that are up now, in the order they came. */
  get neighbours(): string[] {
    const up = new Set<string>();
    for (const event of this.events) {
      if (event.type === "up") up.add(event.neighbour);
      if (event.type === "down") up.delete(event.neighbour);
    }
    return [...up];
  }

  /** The name of the far end that came last: stays known while it is down. */
  get neighbour(): string {
    return this.events.findLast((event) => event.type === "up")?.neighbour ?? "";
  }

  hasHeard(bytes: Uint8Array): boolean {
    return this.heard.some((heard) => sameBytes(heard.bytes, bytes));
  }

  async untilUp(): Promise<string> {
    await until(this.world, () => this.neighbours.length > 0 || this.ending !== null);
    expect(this.ending, "the run ended before its neighbour was up").toBeNull();
    return this.neighbours[0] as string;
  }

  /** Aborts the run and checks that it ends, and not by an error. */
  async stop(): Promise<void> {
    this.abort();
    await until(this.world, () => this.ending !== null);
    expect(this.ending, "an aborted run ends without an error").toEqual({ error: undefined });
  }

  abort(): void {
    this.#stop.abort();
  }
}

/** Both ends, run and up. */
export async function runBoth(world: BearerWorld): Promise<{ a: RunningEnd; b: RunningEnd }> {
  const a = new RunningEnd(world, world.a);
  const b = new RunningEnd(world, world.b);
  await a.untilUp();
  await b.untilUp();
  return { a, b };
}

/** As a supervisor does: whoever's run has ended is run again. */
export async function runAgain(a: RunningEnd, b: RunningEnd): Promise<{ a: RunningEnd; b: RunningEnd }> {
  const { world } = a;
  await world.advance(world.patienceMs / 60);
  const nextB = b.ending ? new RunningEnd(world, world.b) : b;
  const nextA = a.ending ? new RunningEnd(world, world.a) : a;
  await nextA.untilUp();
  await nextB.untilUp();
  return { a: nextA, b: nextB };
}

/** Lets time pass until `condition` holds; fails the test after the world's patience. */
export async function until(world: BearerWorld, condition: () => boolean): Promise<void> {
  for (let step = 0; step < STEPS; step++) {
    await world.advance(step === 0 ? 0 : world.patienceMs / STEPS);
    if (condition()) return;
  }
  expect.fail(`not within ${world.patienceMs} ms`);
}

/** The value of `promise`, which must settle within the world's patience. */
export async function settled<Value>(world: BearerWorld, promise: Promise<Value>): Promise<Value> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  promise.then(end, end);
  await until(world, () => over);
  return promise;
}

/** One attempt; on a dialled link within a session opened for it. */
export async function sendOnce(
  from: RunningEnd,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<SendResult> {
  const { bearer, world } = from;
  const to = from.neighbour;
  const patience = signal ?? new AbortController().signal;
  if (bearer.capabilities.contact === "dialled") {
    const contact = await settled(
      world,
      bearer.contact({ to, purpose: "send", maxMs: SESSION_MS }, patience),
    );
    if (contact.outcome !== "open") return contact;
  }
  return settled(world, bearer.send({ to, bytes }, patience));
}

/** Sends until `to` has heard `bytes`: once where nothing is lost, else up to forty times. */
export async function deliver(from: RunningEnd, to: RunningEnd, bytes: Uint8Array): Promise<void> {
  const attempts = from.bearer.capabilities.lossy ? 40 : 1;
  for (let attempt = 0; attempt < attempts && !to.hasHeard(bytes); attempt++) {
    const result = await sendOnce(from, bytes);
    expect(isCarried(from, result), JSON.stringify(result)).toBe(true);
    if (attempts > 1) await from.world.advance(from.world.patienceMs / STEPS);
  }
  if (to.bearer.capabilities.contact === "dialled") await collectUntil(to, () => to.hasHeard(bytes));
  else await until(to.world, () => to.hasHeard(bytes));
}

/** The channel took the parcel. One that is lossy and acknowledges may also say that it heard nothing back. */
export function isCarried(from: RunningEnd, result: SendResult): boolean {
  if (result.outcome === "sent" || result.outcome === "acknowledged") return true;
  const { lossy, acknowledges } = from.bearer.capabilities;
  return lossy && acknowledges !== "nobody" && result.outcome === "deferred" && result.why === "timeout";
}

/** Calls the mailbox again and again until `condition` holds. */
export async function collectUntil(end: RunningEnd, condition: () => boolean): Promise<void> {
  const to = end.neighbour;
  const { signal } = new AbortController();
  for (let call = 0; call < 10 && !condition(); call++) {
    await settled(end.world, end.bearer.contact({ to, purpose: "collect", maxMs: SESSION_MS }, signal));
    for (let step = 0; step < 20 && !condition(); step++) await end.world.advance(SESSION_MS / 20);
  }
  expect(condition(), "collected within ten calls").toBe(true);
}

/** Every byte value, recognisable by `mark`. */
export function patterned(byteCount: number, mark: number): Uint8Array {
  return Uint8Array.from({ length: byteCount }, (_, at) => (at === 0 ? mark : at * 7 + mark) & 0xff);
}

export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

export const SESSION_MS = 60_000;
const STEPS = 600;
