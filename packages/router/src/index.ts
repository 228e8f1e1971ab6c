export * from "./admission.js";
export * from "./backoff.js";
export { LIMITS as ROUTER_LIMITS } from "./limits.js";
export * from "./next-hop.js";
