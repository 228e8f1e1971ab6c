export * from "./admission.js";
export * from "./backoff.js";
export { type ContactWindow, ContactWindows } from "./contact-windows.js";
export {
  bytesOnAir,
  type ClassRank,
  DEADLINES_MS,
  type Deadlines,
  deadlineMsOf,
  type EtaBasis,
  type ParcelShape,
} from "./eta.js";
export { type Goodput, learnGoodput } from "./goodput.js";
export { LIMITS as ROUTER_LIMITS } from "./limits.js";
export * from "./link-budget.js";
export * from "./next-hop.js";
