import type {
  Bearer,
  BearerCapabilities,
  ContactRequest,
  ContactResult,
  MessageClass,
  Parcel,
  SendResult,
} from "@estafette/contract";
import type { LinkBudgetSettings, Telemetry } from "../api.js";
import type { Core } from "../core.js";
import { Lane } from "../lane.js";
import type { Session } from "../session.js";

/** Time that passes when told to. */
class TestTime {
  nowMs = 0;
  trust: "untrusted" | "trusted" = "trusted";
  #alarms: { readonly atMs: number; readonly ring: () => void }[] = [];
  readonly clock = {
    monotonicMs: () => this.nowMs,
    unixMs: () => Date.UTC(2026, 10, 25) + this.nowMs,
    trust: () => this.trust,
    timer: (delayMs: number, ring: () => void) => {
      const alarm = { atMs: this.nowMs + delayMs, ring };
      this.#alarms.push(alarm);
      return () => {
        this.#alarms = this.#alarms.filter((one) => one !== alarm);
      };
    },
  };

  async pass(durationMs: number): Promise<void> {
    const endMs = this.nowMs + durationMs;
    for (;;) {
      for (let turn = 0; turn < 2_000; turn++) await Promise.resolve();
      const next = this.#alarms.filter((a) => a.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#alarms = this.#alarms.filter((one) => one !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.ring();
    }
    this.nowMs = endMs;
  }
}

/** A neighbour with so many parcels to send. */
export class TestSession {
  isOver = false;
  isAwaiting = false;
  closedWith = "";
  /** Parcels of class flash, before all others. */
  urgentParcels = 0;
  /** The neighbour has not said yet that it has the urgent message. */
  awaitsUrgent = false;
  /** Parcels built so far. */
  built = 0;

  constructor(
    readonly neighbour: string,
    public parcels: number,
    readonly parcelBytes = 1,
  ) {}

  picks = 0;
  async pick(): Promise<void> {
    this.picks++;
  }
  process(): void {}

  get isUrgent(): boolean {
    return this.urgentParcels > 0 || this.awaitsUrgent;
  }

  nextParcel(leastUrgent: MessageClass): Uint8Array | null {
    if (this.urgentParcels > 0) {
      this.built++;
      return new Uint8Array(this.parcelBytes).fill(this.urgentParcels--);
    }
    if (this.parcels <= 0 || leastUrgent !== "bulk") return null;
    this.built++;
    return new Uint8Array(this.parcelBytes).fill(this.parcels--);
  }

  close(why: string): void {
    this.isOver = true;
    this.closedWith = why;
  }
}

export const HOUR_MS = 3_600_000;
const NO_BUDGET: LinkBudgetSettings = {
  drainBytesPerS: null,
  airtimeMsPerDayMax: null,
  credits: null,
  urgentShare: 0,
  windows: [],
};
const TRAITS = {
  bitsPerSecond: null,
  cost: { perByte: 0, perContact: 0 },
  answerMs: HOUR_MS,
  airtimeMsPerHourMax: null,
  parcelBytesMax: 100,
};
/** One lane over a bearer that answers as it is told. */
export class LaneWorld {
  readonly time = new TestTime();
  readonly sent: { readonly to: string; readonly atMs: number }[] = [];
  readonly dialled: { readonly purpose: string; readonly atMs: number }[] = [];
  readonly events: Telemetry[] = [];
  /** What the store keeps over restarts of the lane. */
  readonly kept = new Map<string, Uint8Array>();
  lane: Lane | null = null;

  laneOf(
    sessions: readonly TestSession[],
    how: {
      readonly contact?: "dialled";
      readonly send?: (parcel: Parcel) => SendResult;
      readonly dial?: () => ContactResult;
      readonly budget?: Partial<LinkBudgetSettings>;
      readonly capabilities?: Partial<BearerCapabilities>;
    } = {},
  ): Lane {
    const contact = how.contact ?? "always";
    const capabilities = { ...TRAITS, contact, ...how.capabilities } as BearerCapabilities;
    const bearer: Partial<Bearer> = {
      capabilities,
      airtimeMs: (byteCount) => byteCount * 10,
      send: async (parcel) => {
        this.sent.push({ to: parcel.to, atMs: this.time.nowMs });
        return how.send?.(parcel) ?? { outcome: "sent" };
      },
      contact: async ({ purpose }: ContactRequest) => {
        this.dialled.push({ purpose, atMs: this.time.nowMs });
        return how.dial?.() ?? { outcome: "open", paid: 1 };
      },
    };
    const core: Partial<Core> = {
      clock: this.time.clock as Core["clock"],
      log: () => undefined,
      fail: (error) => {
        throw error;
      },
      emit: (event) => this.events.push(event),
      spool: {
        nowMs: () => this.time.nowMs,
        getState: async (name: string) => this.kept.get(name) ?? null,
        putState: async (name: string, bytes: Uint8Array) => void this.kept.set(name, bytes),
      } as unknown as Core["spool"],
    };
    this.lane = new Lane({
      core: core as Core,
      name: "test",
      bearer: bearer as Bearer,
      budget: how.budget && { ...NO_BUDGET, ...how.budget },
      sessions: () => sessions as unknown as readonly Session[],
      isUrgent: async (session) => (session as unknown as TestSession).isUrgent,
      signal: new AbortController().signal,
    });
    return this.lane;
  }
}
