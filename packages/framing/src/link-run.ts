import { type BearerEvent, type BearerHost, type ByteLink, invariant } from "@estafette/contract";

type Events = AsyncGenerator<BearerEvent, void, undefined>;

/** How the run of every bearer on one byte link begins: once at a time, and quietly over when it is ended while opening. */
export class LinkRun {
  #isOn = false;

  constructor(
    private readonly driver: string,
    private readonly host: Pick<BearerHost, "open">,
  ) {}

  /** What `life` reports of the link behind `url`. Rejects as `host.open` does, unless `signal` is aborted by then. */
  async *of(url: string, signal: AbortSignal, life: (link: ByteLink) => Events): Events {
    invariant(!this.#isOn, `one ${this.driver} bearer is run twice at once`);
    if (signal.aborted) return;
    this.#isOn = true;
    try {
      const link = await this.host.open(url, signal).catch((error: unknown) => {
        if (signal.aborted) return null;
        throw error;
      });
      if (link) yield* life(link);
    } finally {
      this.#isOn = false;
    }
  }
}
