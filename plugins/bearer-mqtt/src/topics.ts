import type { MqttConfig } from "./config.js";

/*
 *   <prefix>/parcel/<reader>/<writer>     parcels, quality of service 1, not retained
 *   <prefix>/presence/<name>              "here" or "away", quality of service 1, retained; "away" is also the last will
 *
 * A gateway reads <prefix>/parcel/<own name>/+ and the presence of its partners; it writes to the parcels of its partners
 * under its own name, and to its own presence. A broker's access list can say exactly that.
 */
export class Topics {
  readonly #parcels: string;
  readonly #presence: string;

  constructor(private readonly config: Pick<MqttConfig, "prefix" | "name" | "with">) {
    this.#parcels = `${config.prefix}/parcel`;
    this.#presence = `${config.prefix}/presence`;
  }

  /** Where a parcel for `reader` is published. */
  parcelTo(reader: string): string {
    return `${this.#parcels}/${reader}/${this.config.name}`;
  }

  get ownPresence(): string {
    return `${this.#presence}/${this.config.name}`;
  }

  /** All we subscribe to. */
  get subscriptions(): readonly string[] {
    const presences = this.config.with.map((partner) => `${this.#presence}/${partner}`);
    return [`${this.#parcels}/${this.config.name}/+`, ...presences];
  }

  /** Whose parcel, or whose presence, this topic carries; null: nobody's we know. */
  read(topic: string): { readonly what: "parcel" | "presence"; readonly partner: string } | null {
    const slash = topic.lastIndexOf("/");
    const partner = topic.slice(slash + 1);
    if (!this.config.with.includes(partner)) return null;
    const place = topic.slice(0, slash);
    if (place === `${this.#parcels}/${this.config.name}`) return { what: "parcel", partner };
    return place === this.#presence ? { what: "presence", partner } : null;
  }
}
