import { type Bearer, type BearerPlugin, ConfigError } from "@estafette/contract";
import { MemoryBearer } from "./bearer.js";
import { MEMORY_LIMITS } from "./limits.js";
import { MemoryMedium } from "./medium.js";

/** Only a program can write this configuration: the medium is an object both ends share. */
export interface MemoryConfig {
  readonly medium: MemoryMedium;
  /** This end's name on the medium, 1 to 64 characters. */
  readonly station: string;
  /** Further names whose parcels this end hears, for publish/subscribe. Default: none. */
  readonly topics: readonly string[];
  /** Rate at which this end sends, 1 or more, on a medium that has one. Default: the rate of the medium. */
  readonly bitsPerSecond?: number;
}

export const memoryPlugin: BearerPlugin<MemoryConfig> = {
  kind: "memory",
  contract: 1,

  parse(raw) {
    if (typeof raw !== "object" || raw === null) throw wrong("", "an object with medium and station");
    for (const key of Object.keys(raw)) {
      if (!KEYS.includes(key)) {
        const fix = `remove it; known keys are ${KEYS.join(", ")}`;
        throw new ConfigError("EST_CONFIG_KEY", `memory: unknown key ${key}: ${fix}`, { key, fix });
      }
    }
    const { medium, station, topics = [], bitsPerSecond } = raw as Record<string, unknown>;
    if (!(medium instanceof MemoryMedium)) throw wrong("medium", "an object made by createMemoryMedium");
    if (!isName(station)) throw wrong("station", "a name of 1 to 64 characters");
    if (!Array.isArray(topics) || topics.length > MEMORY_LIMITS.topicsMax || !topics.every(isName)) {
      throw wrong("topics", `at most ${MEMORY_LIMITS.topicsMax} names of 1 to 64 characters`);
    }
    if (bitsPerSecond === undefined) return { medium, station, topics };
    if (typeof bitsPerSecond !== "number" || !(bitsPerSecond >= 1) || medium.profile.bitsPerSecond === null)
      throw wrong("bitsPerSecond", "1 or more, on a medium that has a rate");
    return { medium, station, topics, bitsPerSecond };
  },

  create({ medium, station, topics, bitsPerSecond }): Bearer {
    return new MemoryBearer(medium, medium.station(station, topics, bitsPerSecond));
  },
};

const KEYS = ["medium", "station", "topics", "bitsPerSecond"];

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 64;
}

function wrong(key: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `memory: ${key || "the configuration"} must be ${fix}`, {
    key,
    fix,
  });
}
