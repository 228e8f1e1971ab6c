export type { DiskSpool } from "./disk-spool.js";
export { SPOOL_LIMITS } from "./limits.js";
export { openSpool, type SpoolOptions } from "./open-spool.js";
export * from "./records.js";
export type { Spool } from "./spool.js";
