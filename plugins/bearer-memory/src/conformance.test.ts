import { type BearerWorld, describeBearer, seededRng, VirtualClock } from "@estafette/conformance";
import type { BearerHost } from "@estafette/contract";
import memoryPlugin, { createMemoryMedium, type MemoryProfile, memoryProfiles } from "./index.js";

const nextHop = {
  ...memoryProfiles.radio,
  acknowledges: "next-hop",
  answerMsMax: 5_000,
} satisfies MemoryProfile;

const duplicatingBroker = { ...memoryProfiles.publishSubscribe, duplication: 0.3 } satisfies MemoryProfile;

/** Parcels overtake each other in the buffer, and some come twice. */
const wildBuffer = {
  ...memoryProfiles.storeBuffer,
  ordered: false,
  duplication: 0.3,
} satisfies MemoryProfile;

const profiles: Readonly<Record<string, MemoryProfile>> = {
  ...memoryProfiles,
  nextHop,
  duplicatingBroker,
  wildBuffer,
};

for (const [name, profile] of Object.entries(profiles)) {
  describeBearer(`memory as ${name}`, () => worldOf(profile));
}

async function worldOf(profile: MemoryProfile): Promise<BearerWorld> {
  const clock = new VirtualClock();
  const medium = createMemoryMedium({ clock, rng: seededRng(7), profile });
  const bearerClock = new VirtualClock();
  const host: BearerHost = {
    clock: bearerClock,
    rng: seededRng(8),
    log() {},
    open: () => Promise.reject(new Error("a memory bearer opens nothing")),
    listen: () => Promise.reject(new Error("a memory bearer listens to nothing")),
  };
  const make = (station: string) => memoryPlugin.create(memoryPlugin.parse({ medium, station }), host);
  return {
    a: make("ship"),
    b: make("shore"),
    patienceMs: 240_000,
    advance: (durationMs) => clock.advance(durationMs),
    pendingTimers: () => bearerClock.pendingTimers,
    cut: () => medium.cut(),
    restore: () => medium.restore(),
    injectTowardsA: (bytes) => medium.inject("ship", bytes.slice(0, profile.parcelBytesMax)),
    keepsUnsettled: profile.mailbox !== null,
    async close() {},
  };
}
