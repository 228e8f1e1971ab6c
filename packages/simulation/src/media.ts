import memoryPlugin, {
  createMemoryMedium,
  type MemoryMedium,
  type MemoryProfile,
  memoryProfiles,
} from "@estafette/bearer-memory";
import type { Bearer, BearerEvent, BearerHost } from "@estafette/contract";
import { AirLog } from "./air-log.js";
import { createNodeClock } from "./clock.js";
import type { Kernel } from "./kernel.js";
import type { MediumParameters } from "./parameters.js";

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
  ) {
    this.#healed = healed;
    const { name, bounds, parcelBytesMax } = parameters;
    const isBounded = Object.values(bounds).some((bound) => bound !== null);
    const log = isBounded ? new AirLog(name, { ...bounds, parcelBytesMax }) : null;
    this.log = log;
    const machine = { bootId: parameters.name, bootedAtMs: 0, wallErrorMs: 0, trust: "trusted" as const };
    this.#medium = createMemoryMedium({
      clock: createNodeClock(kernel, parameters.name, machine, () => true),
      rng: kernel.chance.fork(parameters.name),
      profile: profileOf(parameters, healed),
      ...(log ? { watch: (transmission) => log.add(transmission) } : {}),
    });
  }

  /** A new bearer at `station`, as a gateway makes one at each start. */
  bearer(station: string, host: BearerHost): Bearer {
    const config = memoryPlugin.parse({ medium: this.#medium, station });
    const bearer = memoryPlugin.create(config, host);
    const { airtimeMsPerHourMax } = this.parameters.bounds;
    const capabilities = { ...bearer.capabilities, airtimeMsPerHourMax };
    return {
      capabilities,
      run: (signal) => this.#hearing(bearer.run(signal), station),
      send: (parcel, signal) => bearer.send(parcel, signal),
      settle: (parcelId, verdict) => bearer.settle(parcelId, verdict),
      contact: (request, signal) => bearer.contact(request, signal),
      airtimeMs: (byteCount) => bearer.airtimeMs(byteCount),
    };
  }

  async *#hearing(events: AsyncIterable<BearerEvent>, station: string): AsyncIterable<BearerEvent> {
    for await (const event of events) {
      if (event.type === "heard" && this.#deaf.has(station)) continue;
      yield event;
    }
  }

  /** Nothing passes, in one direction (`deafStation` hears nothing) or in both. */
  cut(deafStation: string | null): void {
    this.kernel.note(`${this.parameters.name} out${deafStation === null ? "" : ` for ${deafStation}`}`);
    if (deafStation === null) this.#medium.cut();
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
  const { kind, parcelBytesMax, bitsPerSecond, turnaroundMs, delayMs } = medium;
  const base = { parcelBytesMax, bitsPerSecond, turnaroundMs };
  const weather = {
    get loss() {
      return healed() ? Math.min(medium.loss, HEALED_LOSS) : medium.loss;
    },
    get duplication() {
      return healed() ? 0 : medium.duplication;
    },
  };
  if (kind === "stream") {
    return withWeather(
      { ...memoryProfiles.stream, ...base, delayMs: { min: delayMs, max: delayMs } },
      weather,
    );
  }
  const lateMs = medium.reordering > 0 ? 2_500 : delayMs;
  const radio = { ...memoryProfiles.radio, ...base, ordered: medium.reordering === 0 };
  return withWeather({ ...radio, delayMs: { min: delayMs, max: Math.max(delayMs, lateMs) } }, weather);
}

/** Keeps the getters alive: a spread would freeze today's weather. */
function withWeather(profile: MemoryProfile, weather: object): MemoryProfile {
  return Object.defineProperties({ ...profile }, Object.getOwnPropertyDescriptors(weather));
}
