export { MEMORY_LIMITS } from "./limits.js";
export {
  createMemoryMedium,
  type MemoryCounters,
  type MemoryMedium,
  type MemoryMediumOptions,
  type MemoryTransmission,
} from "./medium.js";
export { type MemoryConfig, memoryPlugin as default } from "./plugin.js";
export { type MemoryProfile, memoryProfiles } from "./profile.js";
