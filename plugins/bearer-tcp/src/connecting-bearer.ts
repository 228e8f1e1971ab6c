import {
  type Bearer,
  type BearerEvent,
  type BearerHost,
  type ByteLink,
  type ContactRequest,
  type ContactResult,
  OperatingError,
  type Parcel,
  type SendResult,
} from "@estafette/contract";
import { LinkRun } from "@estafette/framing";
import { tcpCapabilities } from "./capabilities.js";
import { NO_CONTACT, TcpConnection } from "./connection.js";
import { TCP_LIMITS } from "./limits.js";

/** Calls one neighbour. A run is one connection: it throws OperatingError EST_OPERATING_PORT_GONE when the call is
 *  not answered or the connection ends; calling again, and when, is for whoever runs it. */
export class ConnectingBearer implements Bearer {
  readonly capabilities = tcpCapabilities("one");
  #connection: TcpConnection | null = null;
  #generation = 0;
  readonly #life: LinkRun;

  constructor(
    private readonly address: string,
    private readonly host: BearerHost,
  ) {
    this.#life = new LinkRun("tcp", host);
  }

  run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    return this.#life.of(`tcp:${this.address}`, signal, (link) => this.#oneConnection(link, signal));
  }

  async *#oneConnection(link: ByteLink, signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    const generation = `t${++this.#generation}`;
    const connection = new TcpConnection("", link, this.host.clock, generation);
    const hangUp = (): void => connection.close("stopped");
    signal.addEventListener("abort", hangUp);
    if (signal.aborted) hangUp();
    let cause: unknown;
    try {
      this.#connection = connection;
      yield { type: "up", neighbour: "" };
      yield* connection.heard();
    } catch (error) {
      cause = error;
    } finally {
      this.#connection = null;
      signal.removeEventListener("abort", hangUp);
      link.close();
    }
    if (signal.aborted) return;
    const why = connection.closedBecause || (cause ? "the connection broke" : "the far end closed");
    yield { type: "down", neighbour: "", why };
    throw new OperatingError("EST_OPERATING_PORT_GONE", `tcp:${this.address}: ${why}`, { cause });
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (parcel.bytes.length > TCP_LIMITS.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    if (parcel.to !== "") return { outcome: "refused", why: "unknown-neighbour" };
    return this.#connection?.send(parcel.bytes, signal) ?? NO_CONTACT;
  }

  /** The stream acknowledges on its own; verdicts have no place on it. */
  async settle(): Promise<void> {}

  async contact(request: ContactRequest): Promise<ContactResult> {
    if (request.to !== "") return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#connection) return { outcome: "deferred", why: "no-contact", retryAfterMs: 5_000 };
    return { outcome: "open", paid: 0 };
  }

  airtimeMs(): number {
    return 0;
  }
}
