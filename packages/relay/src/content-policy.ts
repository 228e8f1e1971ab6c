import type {
  Bearer,
  BearerCapabilities,
  BearerEvent,
  ContactRequest,
  ContactResult,
  Parcel,
  SendResult,
  Verdict,
} from "@estafette/contract";

/** A bearer under the law of its band: it carries nothing sealed, whatever the device could. All that plans, composes
 *  and speaks asks the capabilities, so this is the one place where the configuration has its say. */
export class ClearSignedBearer implements Bearer {
  constructor(private readonly inner: Bearer) {}

  get capabilities(): BearerCapabilities {
    return clearSigned(this.inner.capabilities);
  }

  async *run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    for await (const event of this.inner.run(signal)) {
      if (event.type === "capabilities") yield { ...event, capabilities: clearSigned(event.capabilities) };
      else yield event;
    }
  }

  send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    return this.inner.send(parcel, signal);
  }

  settle(parcelId: string, verdict: Verdict): Promise<void> {
    return this.inner.settle(parcelId, verdict);
  }

  contact(request: ContactRequest, signal: AbortSignal): Promise<ContactResult> {
    return this.inner.contact(request, signal);
  }

  airtimeMs(byteCount: number): number {
    return this.inner.airtimeMs(byteCount);
  }
}

function clearSigned(capabilities: BearerCapabilities): BearerCapabilities {
  return { ...capabilities, content: "clear-signed" };
}
