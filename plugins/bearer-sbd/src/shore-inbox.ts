import type { BearerEvent, Verdict } from "@estafette/contract";
import { crc32, Feed } from "@estafette/framing";
import { SBD_LIMITS } from "./limits.js";

/** What the operator hands over: each message heard once, and answered when the gateway has committed it. */
export class ShoreInbox {
  readonly feed = new Feed<BearerEvent>(SBD_LIMITS.eventsMax);
  /** Messages the gateway has and has not answered, by their key. */
  readonly #pending = new Map<
    string,
    { readonly parcelId: string; readonly answers: ((kept: boolean) => void)[] }
  >();

  constructor(
    private readonly books: ShoreBooks,
    imeis: readonly string[],
  ) {
    for (const neighbour of imeis) this.feed.offer({ type: "up", neighbour });
  }

  /** Resolves with whether it is committed. A message whose reply was lost on its way to the modem comes again with the
   *  same number and content, and one whose answer to the operator was lost comes again as well: neither is heard twice. */
  async take(imei: string, momsn: number, payload: Uint8Array): Promise<boolean> {
    const key = `${imei}/${momsn}/${payload.length}/${crc32(payload)}`;
    if (this.books.has(imei, key)) return true;
    return await new Promise<boolean>((resolve) => {
      const pending = this.#pending.get(key);
      if (pending) {
        pending.answers.push(resolve);
        return;
      }
      const parcelId = this.books.nextId(imei);
      this.#pending.set(key, { parcelId, answers: [resolve] });
      void this.feed.put({ type: "heard", parcelId, from: imei, bytes: payload }).then((taken) => {
        if (!taken) this.#answer(key, false);
      });
    });
  }

  /** `never` is final as well: it is not to come again. */
  settle(parcelId: string, verdict: Verdict): void {
    for (const [key, pending] of this.#pending) {
      if (pending.parcelId !== parcelId) continue;
      if (verdict !== "later") this.books.remember(key.slice(0, key.indexOf("/")), key);
      this.#answer(key, verdict !== "later");
      return;
    }
  }

  close(): void {
    this.feed.end();
    for (const key of [...this.#pending.keys()]) this.#answer(key, false);
  }

  #answer(key: string, kept: boolean): void {
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    for (const answer of pending?.answers ?? []) answer(kept);
  }
}

/** What outlives one run: numbers of parcels, and which messages are done. */
export class ShoreBooks {
  readonly #done = new Map<string, string[]>();
  #last = 0;

  nextId(imei: string): string {
    return `${imei}.${++this.#last}`;
  }

  has(imei: string, key: string): boolean {
    return this.#done.get(imei)?.includes(key) ?? false;
  }

  /** Modems are as many as are configured. */
  remember(imei: string, key: string): void {
    const done = this.#done.get(imei) ?? [];
    this.#done.set(imei, done);
    done.push(key);
    if (done.length > SBD_LIMITS.seenPerModemMax) done.shift();
  }
}
