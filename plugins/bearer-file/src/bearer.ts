import {
  type Bearer,
  type BearerCapabilities,
  type BearerEvent,
  type BearerHost,
  type ContactRequest,
  type ContactResult,
  invariant,
  type Parcel,
  type SendResult,
  sleep,
  type Verdict,
} from "@estafette/contract";
import type { FileConfig } from "./config.js";
import { Inbox } from "./inbox.js";
import { FILE_LIMITS } from "./limits.js";
import { encodeParcelFile, ParcelNames } from "./parcel-file.js";
import { isErrno, ParcelFolder } from "./parcel-folder.js";

/** Parcels as files. The stick in its port is a contact; pulling it out ends that. A run goes on while it is away. */
export class FileBearer implements Bearer {
  readonly capabilities: BearerCapabilities;
  readonly #folder: ParcelFolder;
  readonly #names: ParcelNames;
  readonly #inboxes: ReadonlyMap<string, Inbox>;
  /** Parcels that wait for a partner, as counted last. */
  readonly #waiting = new Map<string, number>();
  /** Until when a contact is open, in monotonic milliseconds, by partner. */
  readonly #openUntilMs = new Map<string, number>();
  #running = false;
  #sending = false;
  #isThere = false;
  #wake = new AbortController();

  constructor(
    private readonly config: FileConfig,
    private readonly host: BearerHost,
  ) {
    this.capabilities = fileCapabilities(config);
    this.#folder = new ParcelFolder(config.folder);
    this.#names = new ParcelNames(host.clock, host.rng);
    const { name, parcelBytesMax } = config;
    const inbox = (partner: string) => new Inbox(this.#folder, name, partner, parcelBytesMax, host.clock);
    this.#inboxes = new Map(config.with.map((partner) => [partner, inbox(partner)]));
  }

  async *run(signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    invariant(!this.#running, "a file bearer is run twice at once");
    if (signal.aborted) return;
    this.#running = true;
    for (const inbox of this.#inboxes.values()) inbox.forgetOffers();
    try {
      while (!signal.aborted) {
        yield* this.#comeOrGo(await this.#look());
        for (const inbox of this.#inboxes.values()) yield* this.#heard(inbox, signal);
        this.#wake = new AbortController();
        await sleep(this.host.clock, this.config.pollMs, AbortSignal.any([signal, this.#wake.signal]));
      }
    } finally {
      this.#running = false;
      this.#leave();
    }
  }

  /** Whether the folder is there and ready for all pairs. */
  async #look(): Promise<boolean> {
    if (!(await this.#folder.isThere())) return false;
    try {
      for (const partner of this.config.with) {
        if (!this.#isThere) {
          await this.#folder.prepare(this.config.name, partner);
          await this.#folder.prepare(partner, this.config.name);
        }
        this.#waiting.set(partner, (await this.#folder.list(partner, this.config.name)).length);
      }
      return true;
    } catch (error) {
      this.host.log("debug", "the folder cannot be used", {
        folder: this.config.folder,
        error: String(error),
      });
      return false;
    }
  }

  *#comeOrGo(isThere: boolean): Generator<BearerEvent, void, undefined> {
    if (isThere === this.#isThere) return;
    if (!isThere) this.#leave();
    this.#isThere = isThere;
    for (const neighbour of this.config.with) {
      yield isThere ? { type: "up", neighbour } : { type: "down", neighbour, why: "the folder is gone" };
    }
  }

  #leave(): void {
    this.#isThere = false;
    this.#openUntilMs.clear();
  }

  /** What this partner left, in the order of its names. A folder that vanishes meanwhile is seen at the next look. */
  async *#heard(inbox: Inbox, signal: AbortSignal): AsyncGenerator<BearerEvent, void, undefined> {
    if (!this.#isThere || signal.aborted) return;
    try {
      const names = await this.#folder.list(this.config.name, inbox.partner);
      for (;;) {
        const parcel = signal.aborted ? null : await inbox.next(names);
        if (!parcel || signal.aborted) return;
        const parcelId = `${inbox.partner}/${parcel.name}`;
        yield { type: "heard", parcelId, from: inbox.partner, bytes: parcel.bytes };
      }
    } catch (error) {
      this.host.log("debug", "the folder broke off", { folder: this.config.folder, error: String(error) });
    }
  }

  async send(parcel: Parcel, signal: AbortSignal): Promise<SendResult> {
    const { to, bytes } = parcel;
    if (bytes.length > this.config.parcelBytesMax) return { outcome: "refused", why: "too-large" };
    if (!this.#inboxes.has(to)) return { outcome: "refused", why: "unknown-neighbour" };
    if (this.#sending) return deferred("busy", BUSY_RETRY_MS);
    if (signal.aborted) return deferred("timeout", 0);
    if (!this.#isOpen(to)) return deferred("no-contact", 0);
    const waiting = this.#waiting.get(to) ?? 0;
    if (waiting >= this.config.waitingParcelsMax) return deferred("busy", FILE_LIMITS.fullRetryMs);
    this.#sending = true;
    try {
      await this.#folder.write(to, this.config.name, this.#names.next(), encodeParcelFile(bytes));
      this.#waiting.set(to, waiting + 1);
      return { outcome: "acknowledged" };
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.#sending = false;
    }
  }

  #failed(error: unknown): SendResult {
    if (isErrno(error, "ENOSPC", "EDQUOT")) {
      this.host.log("warn", "no room in the folder", { folder: this.config.folder });
      return deferred("busy", FILE_LIMITS.fullRetryMs);
    }
    this.#wake.abort(); // look now whether it is gone
    return deferred("no-contact", this.config.pollMs);
  }

  /** `accepted` and `never` remove the file; `later` leaves it, and offers it again after a while. */
  async settle(parcelId: string, verdict: Verdict): Promise<void> {
    const [partner = "", name = ""] = parcelId.split("/", 2);
    // A stick that is gone keeps the file; its name is remembered, and the file removed when it is back.
    await this.#inboxes
      .get(partner)
      ?.settle(name, verdict)
      .catch(() => {});
  }

  async contact({ to, maxMs }: ContactRequest): Promise<ContactResult> {
    if (!this.#inboxes.has(to)) return { outcome: "refused", why: "unknown-neighbour" };
    if (!this.#isThere) return { outcome: "deferred", why: "no-contact", retryAfterMs: this.config.pollMs };
    this.#openUntilMs.set(to, this.host.clock.monotonicMs() + maxMs);
    this.#wake.abort(); // what waits for us is heard now
    return { outcome: "open", paid: 0 };
  }

  airtimeMs(): number {
    return 0;
  }

  #isOpen(to: string): boolean {
    return this.#isThere && this.host.clock.monotonicMs() < (this.#openUntilMs.get(to) ?? 0);
  }
}

function fileCapabilities({ parcelBytesMax, answerMs }: FileConfig): BearerCapabilities {
  return {
    ...{ parcelBytesMax, answerMs, content: "any" },
    duplex: "full",
    acknowledges: "channel",
    ordered: false,
    lossy: false,
    contact: "dialled",
    neighbours: "many",
    bitsPerSecond: null,
    turnaroundMs: 0,
    airtimeMsPerHourMax: null,
    cost: { perContact: 0, perByte: 0 },
  };
}

function deferred(why: "no-contact" | "busy" | "timeout", retryAfterMs: number): SendResult {
  return { outcome: "deferred", why, retryAfterMs };
}

const BUSY_RETRY_MS = 1_000;
