import type { Clock } from "@estafette/contract";
import type { Leg, Spool } from "@estafette/spool";
import { SpoolClock } from "./spool-clock.js";
import { sixteen } from "./spool-samples.js";

/** One place where a store lives, opened, closed and cut off again and again by the suite. */
export interface SpoolSubject {
  /** Opens what is there; an empty store the first time. */
  open(): Promise<Spool>;
  /** The process dies now: nothing that is not committed survives, and the place can be opened again. */
  crash(spool: Spool): void;
  /** Removes the place. The store is closed or crashed by then. */
  dispose(): Promise<void>;
}

/** Makes a new, empty place whose store lives by this clock. */
export type SpoolSetup = (clock: Clock) => Promise<SpoolSubject>;

/** A store under test with its clock. */
export class SpoolWorld {
  private constructor(
    readonly clock: SpoolClock,
    private readonly subject: SpoolSubject,
    public spool: Spool,
  ) {}

  static async make(setup: SpoolSetup): Promise<SpoolWorld> {
    const clock = new SpoolClock();
    const subject = await setup(clock);
    return new SpoolWorld(clock, subject, await subject.open());
  }

  ready(limit = 100, link = "radio", neighbour = 9): Promise<readonly Leg[]> {
    return this.spool.ready({ link, neighbour: sixteen(neighbour), limit });
  }

  async firstLeg(): Promise<Leg> {
    const [leg] = await this.ready(1);
    if (leg === undefined) throw new Error("a leg is ready");
    return leg;
  }

  /** The process ends in order and starts again. */
  async restart(): Promise<void> {
    await this.spool.close();
    this.spool = await this.subject.open();
  }

  /** The process dies and starts again. */
  async crash(): Promise<void> {
    this.subject.crash(this.spool);
    this.spool = await this.subject.open();
  }

  async dispose(): Promise<void> {
    await this.spool.close();
    await this.subject.dispose();
  }
}

/** Named behaviours of a store. */
export type SpoolCases = Readonly<Record<string, (world: SpoolWorld) => Promise<void>>>;
