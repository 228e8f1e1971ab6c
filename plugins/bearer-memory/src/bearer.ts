import {
  type Bearer,
  type BearerCapabilities,
  type BearerEvent,
  type ContactRequest,
  type ContactResult,
  invariant,
  type Parcel,
  type SendResult,
  type Verdict,
} from "@estafette/contract";
import type { MemoryMedium } from "./medium.js";
import { capabilitiesOf } from "./profile.js";
import type { Station } from "./station.js";

/** A station's owner. Everything of interest happens in {@link MemoryMedium}. */
export class MemoryBearer implements Bearer {
  readonly capabilities: BearerCapabilities;
  #running = false;
  #sending = false;

  constructor(
    private readonly medium: MemoryMedium,
    private readonly station: Station,
  ) {
    this.capabilities = { ...capabilitiesOf(medium.profile), bitsPerSecond: station.bitsPerSecond };
  }

  async *run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    invariant(!this.#running, "a memory bearer is run twice at once");
    if (signal.aborted) return;
    this.#running = true;
    const feed = this.medium.attach(this.station);
    const leave = (): void => this.medium.detach(this.station, feed);
    signal.addEventListener("abort", leave);
    try {
      for await (const event of feed) {
        if (signal.aborted) return;
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
      this.#running = false;
    }
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (this.#sending) return { outcome: "deferred", why: "busy", retryAfterMs: 0 };
    this.#sending = true;
    try {
      return await this.medium.send(this.station, parcel, signal);
    } finally {
      this.#sending = false;
    }
  }

  async settle(parcelId: string, verdict: Verdict): Promise<void> {
    this.medium.settle(this.station, parcelId, verdict);
  }

  contact(request: ContactRequest, signal: AbortSignal): Promise<ContactResult> {
    return this.medium.contact(this.station, request, signal);
  }

  airtimeMs(byteCount: number): number {
    return this.station.airtimeMs(byteCount);
  }
}
