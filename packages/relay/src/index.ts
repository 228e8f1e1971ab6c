export * from "./api.js";
export { LIMITS as RELAY_LIMITS } from "./limits.js";
export { createRelay } from "./relay.js";
