import type { MemoryMedium, MemoryProfile } from "@estafette/bearer-memory";
import type { Delivery, Submission } from "@estafette/contract";
import type { RelaySettings } from "@estafette/relay";
import { AirGateway } from "./gateway.js";
import { AirWorld } from "./world.js";

export interface PairOptions {
  /** Draws keys, handshakes and weather; the same seed gives the same bytes. */
  readonly seed: string;
  readonly profile: MemoryProfile;
  /** Both stations come up on a medium that is cut, so that nothing has been said before `restore`. */
  readonly cut?: boolean;
  /** What both gateways have configured beyond the defaults. */
  readonly settings?: Partial<RelaySettings>;
}

/** A ship and a shore on one medium; the medium counts the bytes, not the sender. */
export class AirPair {
  readonly world: AirWorld;
  readonly air: MemoryMedium;
  readonly ship: AirGateway;
  readonly shore: AirGateway;

  private constructor({ seed, profile, settings }: PairOptions) {
    this.world = new AirWorld(seed);
    const air = this.world.medium("medium", profile);
    this.air = air;
    const end = (name: string, peer: string) =>
      new AirGateway(this.world, name, [{ name: "air", medium: air, peer }], settings);
    this.ship = end("ship", "shore");
    this.shore = end("shore", "ship");
  }

  /** Plays on a pair that has started, and removes it whatever happens. */
  static async play<T>(options: PairOptions, play: (pair: AirPair) => Promise<T>): Promise<T> {
    const pair = new AirPair(options);
    try {
      if (options.cut) {
        for (const name of ["ship", "shore"]) pair.air.station(name, []);
        pair.air.cut();
      }
      await pair.ship.start();
      await pair.shore.start();
      await pair.world.runFor(1);
      return await play(pair);
    } finally {
      await pair.ship.stop();
      await pair.shore.stop();
      pair.world.remove();
    }
  }

  /** Bytes clocked onto the link so far, both directions, framing included. */
  get bytesOnLink(): number {
    return this.air.counters().bytesOnAir;
  }

  get deliveries(): readonly Delivery[] {
    return this.shore.delivered.map((one) => one.delivery);
  }

  async submit(submissions: readonly Submission[]): Promise<void> {
    for (const submission of submissions) {
      if (!this.ship.relay) throw new Error("the ship is not running");
      const result = await this.world.during(this.ship.relay.submit(submission));
      if (result.outcome !== "accepted") throw new Error(`refused: ${result.why} ${result.text}`);
    }
  }

  /** Runs until `count` messages were delivered ashore, at most `withinMs` of virtual time. */
  async untilDelivered(count: number, withinMs: number): Promise<boolean> {
    return await this.world.until(() => this.shore.delivered.length >= count, withinMs);
  }
}
