export { describeBearer } from "./bearer.js";
export type { BearerWorld } from "./bearer-world.js";
export { type BridgeSetup, type BridgeUnderTest, type BridgeWorld, describeBridge } from "./bridge.js";
export { seededRng } from "./seeded-rng.js";
export { describeSpool, type SpoolSetup, type SpoolSubject } from "./spool.js";
export { SpoolClock } from "./spool-clock.js";
export * as samples from "./spool-samples.js";
export { countingClock, VirtualClock } from "./virtual-clock.js";
