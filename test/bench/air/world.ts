import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryMedium, type MemoryMedium, type MemoryProfile } from "@estafette/bearer-memory";
import type { Clock } from "@estafette/contract";
import { type Chance, Kernel, type Life } from "@estafette/simulation";

/** Virtual time, chance and disk for production gateways of one process; `remove` takes the disk away. */
export class AirWorld {
  readonly kernel: Kernel;
  readonly chance: Chance;
  readonly #folder = mkdtempSync(join(tmpdir(), "est-air-"));

  constructor(seed: string) {
    this.kernel = new Kernel(seed);
    this.chance = this.kernel.chance.fork("air");
  }

  medium(name: string, profile: MemoryProfile): MemoryMedium {
    return createMemoryMedium({ clock: this.clock(), rng: this.chance.fork(name), profile });
  }

  directoryOf(gateway: string): string {
    return join(this.#folder, gateway);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Lets virtual time go on until the promise is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => undefined);
    for (let turns = 0; !settled && turns < TURNS_MAX; turns++) await this.runFor(1);
    if (!settled) throw new Error(`not settled within ${TURNS_MAX} ms of virtual time`);
    return await watched;
  }

  async runFor(durationMs: number): Promise<void> {
    await this.kernel.run(this.kernel.nowMs + durationMs);
  }

  /** Runs until `ready()` holds, looked at every 100 ms, at most `withinMs` of virtual time. */
  async until(ready: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.kernel.nowMs + withinMs;
    while (!ready() && this.kernel.nowMs < endMs) await this.runFor(100);
    return ready();
  }

  /** A clock that is right; with a life, its timers end with it. */
  clock(life: Pick<Life, "alive"> = { alive: true }): Clock {
    return {
      monotonicMs: () => this.kernel.nowMs,
      bootId: () => "air",
      unixMs: () => BEGAN_UNIX_MS + this.kernel.nowMs,
      trust: () => "trusted",
      timer: (delayMs, onElapsed) =>
        this.kernel.after(delayMs, "timer", () => {
          if (life.alive) onElapsed();
        }),
    };
  }
}

/** 2026-01-01; any would do. */
const BEGAN_UNIX_MS = 1_767_225_600_000;
/** Milliseconds of virtual time a call to a gateway may take; our choice, far beyond what any needs. */
const TURNS_MAX = 1_000_000;
