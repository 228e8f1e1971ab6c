import memoryPlugin, {
  createMemoryMedium,
  type MemoryMedium,
  type MemoryProfile,
  memoryProfiles,
} from "@estafette/bearer-memory";
import type { Bearer, BearerEvent, BearerHost, ContactResult } from "@estafette/contract";
import { AirLog } from "./air-log.js";
import { createNodeClock } from "./clock.js";
import type { Kernel } from "./kernel.js";
import type { MediumKind, MediumParameters } from "./world-parameters.js";

/** Loss that is left when the faults are over: a radio is never perfect. */
const HEALED_LOSS = 0.02;

/** One medium between two nodes, and its weather. */
export class SimulatedMedium {
  readonly #medium: MemoryMedium;
  /** What was on the air; null where everything is allowed. */
  readonly log: AirLog | null;
  /** Stations that hear nothing now, though others hear them. */
  readonly #deaf = new Set<string>();
  readonly #healed: () => boolean;

  constructor(
    readonly parameters: MediumParameters,
    readonly kernel: Kernel,
    healed: () => boolean,
    readonly secondStation: string,
    /** The wall clock of a station's machine, in unix milliseconds; null when it may not be believed. */
    believedUnixMs: (station: string) => number | null,
  ) {
    this.#healed = healed;
    const { name, bounds, parcelBytesMax } = parameters;
    const { urgentShare: _, ...most } = bounds;
    const isBounded = Object.values(most).some((bound) => bound !== null);
    const log = isBounded ? new AirLog(name, { ...bounds, parcelBytesMax }) : null;
    this.log = log;
    const machine = { bootId: parameters.name, bootedAtMs: 0, wallErrorMs: 0, trust: "trusted" as const };
    this.#medium = createMemoryMedium({
      clock: createNodeClock(kernel, parameters.name, machine, () => true),
      rng: kernel.chance.fork(parameters.name),
      profile: profileOf(parameters, healed),
      ...(log ? { watch: (one) => log.add({ ...one, endUnixMs: believedUnixMs(one.station) }) } : {}),
    });
  }

  /** A new bearer at `station`, as a gateway makes one at each start. */
  bearer(station: string, host: BearerHost): Bearer {
    const { bounds, bitsPerSecond, backBitsPerSecond } = this.parameters;
    const own = station === this.secondStation ? backBitsPerSecond : bitsPerSecond;
    const config = memoryPlugin.parse({ medium: this.#medium, station, bitsPerSecond: own });
    const bearer = memoryPlugin.create(config, host);
    const { airtimeMsPerHourMax } = bounds;
    const capabilities = { ...bearer.capabilities, airtimeMsPerHourMax };
    return {
      capabilities,
      run: (signal) => this.#hearing(bearer.run(signal), station),
      send: (parcel, signal) => bearer.send(parcel, signal),
      settle: (parcelId, verdict) => bearer.settle(parcelId, verdict),
      contact: (request, signal) => this.#contact(bearer, station, request, signal),
      airtimeMs: (byteCount) => bearer.airtimeMs(byteCount),
    };
  }

  /** Paid when it came about, whatever the gateway still hears of it. */
  async #contact(
    bearer: Bearer,
    station: string,
    ...request: Parameters<Bearer["contact"]>
  ): Promise<ContactResult> {
    const result = await bearer.contact(...request);
    if (result.outcome === "open") this.log?.addContact(station, this.kernel.nowMs);
    return result;
  }

  async *#hearing(events: AsyncIterable<BearerEvent>, station: string): AsyncIterable<BearerEvent> {
    for await (const event of events) {
      if (event.type === "heard" && this.#deaf.has(station)) continue;
      yield event;
    }
  }

  /**
   * Nothing passes, in one direction (`deafStation` hears nothing) or in both. Where there are mailboxes such a station
   * is away, and its parcels wait.
   */
  cut(deafStation: string | null): void {
    this.kernel.note(`${this.parameters.name} out${deafStation === null ? "" : ` for ${deafStation}`}`);
    if (deafStation === null) this.#medium.cut();
    else if (this.parameters.roomParcels > 0) this.#medium.cut(deafStation);
    else this.#deaf.add(deafStation);
  }

  restore(): void {
    this.kernel.note(`${this.parameters.name} back`);
    this.#deaf.clear();
    this.#medium.restore();
  }

  get healed(): boolean {
    return this.#healed();
  }

  counters(): ReturnType<MemoryMedium["counters"]> {
    return this.#medium.counters();
  }
}

function profileOf(medium: MediumParameters, healed: () => boolean): MemoryProfile {
  const { parcelBytesMax, bitsPerSecond, turnaroundMs, delayMs, lateMs, reordering, roomParcels, dialled } =
    medium;
  const like = memoryProfiles[LIKE[medium.kind]];
  const profile: MemoryProfile = {
    ...like,
    ...{ parcelBytesMax, bitsPerSecond, turnaroundMs },
    airtimeMsPerHourMax: null,
    ordered: reordering === 0,
    delayMs: { min: delayMs, max: Math.max(delayMs, lateMs) },
    // Who reads the capabilities must know how long parcels lie there.
    answerMs: roomParcels === 0 ? like.answerMs : Math.max(like.answerMs, 2 * lateMs),
    mailbox: roomParcels === 0 ? null : { parcelsMax: roomParcels },
    // Prices are what the owner says; the bearer knows none.
    cost: { perContact: 0, perByte: 0 },
    ...(dialled && { contactMs: dialled.dialMs, sessionMsMax: dialled.sessionMsMax }),
  };
  return withWeather(profile, {
    get loss() {
      return like.lossy && healed() ? Math.min(medium.loss, HEALED_LOSS) : medium.loss;
    },
    get duplication() {
      return healed() ? 0 : medium.duplication;
    },
    get contactFailure() {
      return healed() ? 0 : (dialled?.failure ?? 0);
    },
  });
}

const LIKE = {
  stream: "stream",
  radio: "radio",
  parcels: "lossyDatagram",
  modem: "modem",
  buffer: "storeBuffer",
  broker: "publishSubscribe",
} as const satisfies Record<MediumKind, keyof typeof memoryProfiles>;

/** Keeps the getters alive: a spread would freeze today's weather. */
function withWeather(profile: MemoryProfile, weather: object): MemoryProfile {
  return Object.defineProperties({ ...profile }, Object.getOwnPropertyDescriptors(weather));
}
