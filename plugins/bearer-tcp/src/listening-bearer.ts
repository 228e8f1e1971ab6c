import {
  type Bearer,
  type BearerEvent,
  type BearerHost,
  type ByteLink,
  type ByteListener,
  type ContactRequest,
  type ContactResult,
  invariant,
  type Parcel,
  type SendResult,
} from "@estafette/contract";
import { Feed } from "@estafette/framing";
import { tcpCapabilities } from "./capabilities.js";
import { NO_CONTACT, TcpConnection } from "./connection.js";
import { TCP_LIMITS } from "./limits.js";

/** Is called by many neighbours, named `c1`, `c2`, … in the order of their calls; a name is never used again. */
export class ListeningBearer implements Bearer {
  readonly capabilities = tcpCapabilities("many");
  readonly #connections = new Map<string, TcpConnection>();
  #callers = 0;
  #running = false;

  constructor(
    private readonly address: string,
    private readonly host: BearerHost,
  ) {}

  async *run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    invariant(!this.#running, "a tcp bearer is run twice at once");
    if (signal.aborted) return;
    this.#running = true;
    const feed = new Feed<BearerEvent>(TCP_LIMITS.eventsMax);
    let listener: ByteListener | null = null;
    const stop = (): void => {
      feed.end();
      listener?.close();
      for (const connection of this.#connections.values()) connection.close("stopped");
    };
    signal.addEventListener("abort", stop);
    try {
      listener = await this.host.listen(`tcp:${this.address}`, signal);
      this.host.log("info", "listening", { url: listener.url });
      if (signal.aborted) return;
      void this.#acceptAll(listener, feed);
      for await (const event of feed) {
        if (signal.aborted) return;
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
      this.#connections.clear();
      this.#running = false;
    }
  }

  async #acceptAll(listener: ByteListener, feed: Feed<BearerEvent>): Promise<void> {
    try {
      for await (const link of listener.links) {
        if (this.#connections.size < TCP_LIMITS.callersMax) void this.#serve(link, feed);
        else {
          this.host.log("warn", "caller turned away: too many are connected", { remote: link.remote });
          link.close();
        }
      }
      feed.end();
    } catch (error) {
      feed.fail(error);
    }
  }

  async #serve(link: ByteLink, feed: Feed<BearerEvent>): Promise<void> {
    const name = `c${++this.#callers}`;
    const connection = new TcpConnection(name, link, this.host.clock, name);
    this.#connections.set(name, connection);
    const stopWaiting = this.host.clock.timer(TCP_LIMITS.firstParcelMsMax, () => {
      if (connection.parcelsHeard === 0) connection.close("the caller sent no parcel");
    });
    let why = "";
    try {
      await feed.put({ type: "up", neighbour: name });
      for await (const heard of connection.heard()) if (!(await feed.put(heard))) break;
    } catch (error) {
      why = "the connection broke";
      this.host.log("debug", why, { neighbour: name, error });
    } finally {
      stopWaiting();
      link.close();
      if (this.#connections.get(name) === connection) this.#connections.delete(name);
    }
    await feed.put({
      type: "down",
      neighbour: name,
      why: connection.closedBecause || why || "the far end closed",
    });
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    if (parcel.bytes.length > TCP_LIMITS.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    const connection = this.#connections.get(parcel.to);
    if (connection) return connection.send(parcel.bytes, signal);
    return this.#wasHere(parcel.to) ? NO_CONTACT : { outcome: "refused", why: "unknown-neighbour" };
  }

  /** The stream acknowledges on its own; verdicts have no place on it. */
  async settle(): Promise<void> {}

  async contact(request: ContactRequest): Promise<ContactResult> {
    if (this.#connections.has(request.to)) return { outcome: "open", paid: 0 };
    if (!this.#wasHere(request.to)) return { outcome: "refused", why: "unknown-neighbour" };
    return { outcome: "deferred", why: "no-contact", retryAfterMs: 5_000 };
  }

  airtimeMs(): number {
    return 0;
  }

  /** A caller that has hung up is weather; a name that never existed is a mistake. */
  #wasHere(name: string): boolean {
    const number = /^c([1-9]\d{0,14})$/.exec(name)?.[1];
    return number !== undefined && Number(number) <= this.#callers;
  }
}
