import { type Clock, sleep } from "@estafette/contract";
import type { Spool } from "@estafette/spool";
import type { Chance } from "./chance.js";

/**
 * A store whose disk takes its time: calls are served one after another, each after up to `longestMs()` milliseconds.
 * It makes the moment between "asked" and "committed" long enough for the power to go and for liars to be seen.
 */
export function slowSpool(spool: Spool, clock: Clock, chance: Chance, longestMs: () => number): Spool {
  let last: Promise<unknown> = Promise.resolve();
  const queued = async (call: () => Promise<unknown>): Promise<unknown> => {
    const earlier = last;
    const mine = (async () => {
      await earlier.catch(() => undefined);
      const waitMs = chance.between(0, longestMs());
      if (waitMs > 0) await sleep(clock, waitMs);
      return call();
    })();
    last = mine;
    return mine;
  };
  return new Proxy(spool, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function" || property === "nowMs") return bound(member, target);
      return (...args: unknown[]): unknown => {
        const call = (): Promise<unknown> => Reflect.apply(member, target, args) as Promise<unknown>;
        return longestMs() === 0 && !WAITS_ALWAYS.has(property) ? call() : queued(call);
      };
    },
  });
}

function bound(member: unknown, target: Spool): unknown {
  return typeof member === "function" ? (...args: unknown[]) => Reflect.apply(member, target, args) : member;
}

/** Calls that must come after everything asked before, also on a disk that has become fast. */
const WAITS_ALWAYS: ReadonlySet<string | symbol> = new Set(["flush", "close"]);
