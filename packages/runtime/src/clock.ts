import { existsSync, readFileSync } from "node:fs";
import { type Clock, type ClockTrust, InvariantError, invariant } from "@estafette/contract";

export interface SystemClockOptions {
  /** What the operator says about the wall clock, for example because a GPS disciplines it. `null` (default): find
   *  out with `trustedWhenFileExists` and `plausibleFromUnixMs`. */
  readonly trust?: ClockTrust | null;
  /** Files whose existence says that the clock was synchronised since boot. Default: the one systemd-timesyncd
   *  creates (systemd-timesyncd.service(8)). For chrony or ntpd, point `chronyc waitsync && touch …` at another. */
  readonly trustedWhenFileExists?: readonly string[];
  /** Wall time before this is certainly wrong: the program did not exist. Unix milliseconds. */
  readonly plausibleFromUnixMs?: number;
}

/** The machine's clock. `monotonicMs` counts from boot and includes time asleep, like CLOCK_BOOTTIME: Node offers
 *  only CLOCK_MONOTONIC, which stops in suspend, so /proc/uptime corrects it at most once a second. */
export function systemClock(options: SystemClockOptions = {}): Clock {
  return new SystemClock(options);
}

class SystemClock implements Clock {
  readonly #bootId = readBootId();
  readonly #trust: ClockTrust | null;
  readonly #trustFiles: readonly string[];
  readonly #plausibleFromUnixMs: number;
  #asleepMs = 0;
  #lastMs = 0;
  #nextUptimeLookMs = 0;
  #nextTrustLookMs = 0;
  #synchronised = false;

  constructor(options: SystemClockOptions) {
    this.#trust = options.trust ?? null;
    this.#trustFiles = options.trustedWhenFileExists ?? ["/run/systemd/timesync/synchronized"];
    this.#plausibleFromUnixMs = options.plausibleFromUnixMs ?? WRITTEN_UNIX_MS;
  }

  monotonicMs(): number {
    const awakeMs = Number(process.hrtime.bigint() / 1_000_000n);
    if (awakeMs >= this.#nextUptimeLookMs) {
      this.#nextUptimeLookMs = awakeMs + UPTIME_LOOK_MS;
      const asleepMs = readUptimeMs(awakeMs) - awakeMs;
      if (asleepMs > this.#asleepMs + UPTIME_GRAIN_MS) this.#asleepMs = asleepMs;
    }
    this.#lastMs = Math.max(this.#lastMs, awakeMs + this.#asleepMs);
    return this.#lastMs;
  }

  bootId(): string {
    return this.#bootId;
  }

  unixMs(): number {
    return Date.now();
  }

  trust(): ClockTrust {
    if (this.#trust !== null) return this.#trust;
    if (Date.now() < this.#plausibleFromUnixMs) return "untrusted";
    return this.#isSynchronised() ? "trusted" : "plausible";
  }

  timer(delayMs: number, onElapsed: () => void): () => void {
    invariant(delayMs >= 0 && delayMs <= 2 ** 31 - 1, "a timer runs 0…2³¹−1 milliseconds");
    const timeout = setTimeout(onElapsed, Math.ceil(delayMs));
    return () => clearTimeout(timeout);
  }

  /** Looked up every ten seconds until true; a synchronised clock stays so until the next boot. */
  #isSynchronised(): boolean {
    const nowMs = this.monotonicMs();
    if (!this.#synchronised && nowMs >= this.#nextTrustLookMs) {
      this.#nextTrustLookMs = nowMs + TRUST_LOOK_MS;
      this.#synchronised = this.#trustFiles.some((path) => existsSync(path));
    }
    return this.#synchronised;
  }
}

/** Linux: random(4), /proc/sys/kernel/random/boot_id. */
function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch (cause) {
    throw new InvariantError("EST_INVARIANT", "this system has no boot id; Linux is required", { cause });
  }
}

/** proc(5), /proc/uptime: seconds with two digits. Without it, nothing is known about sleep. */
function readUptimeMs(otherwiseMs: number): number {
  try {
    const seconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    return Number.isFinite(seconds) ? Math.floor(seconds * 1_000) : otherwiseMs;
  } catch {
    return otherwiseMs;
  }
}

/** 2026-11-01: no earlier clock can be right, since this file is younger. */
const WRITTEN_UNIX_MS = Date.UTC(2026, 10, 1);
const UPTIME_LOOK_MS = 1_000;
/** /proc/uptime is read between two ticks of its own: smaller differences are no sleep. */
const UPTIME_GRAIN_MS = 50;
const TRUST_LOOK_MS = 10_000;
