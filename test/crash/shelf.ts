import { SpoolClock } from "@estafette/conformance";
import { type MessageKey, openSpool, type SpoolOptions } from "@estafette/spool";
import { Places } from "./toolchain.js";

/** Stores for one test, removed after it. */
export class Shelf {
  readonly clock = new SpoolClock();
  private readonly places = new Places();
  private readonly open: { abandon(): void }[] = [];

  directory(): string {
    return this.places.make("store");
  }

  async store(directory: string, options: Partial<SpoolOptions> = {}) {
    const store = await openSpool({ directory, clock: this.clock, ballastBytes: 0, ...options });
    this.open.push(store);
    return store;
  }

  clear(): void {
    for (const store of this.open.splice(0)) store.abandon();
    this.places.clear();
  }
}

export function sequences(records: readonly { readonly key: MessageKey }[]): number[] {
  return records.map((record) => record.key.sequence).sort((a, b) => a - b);
}
