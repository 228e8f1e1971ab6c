export { type Chance, createChance } from "./chance.js";
export { checkHistory, type FinalRecord, type History } from "./checkers.js";
export type { WorldDisk } from "./disk.js";
export { Kernel } from "./kernel.js";
export { bearerOfLife, bridgeOfLife, Life, spoolOfLife } from "./life.js";
export { deriveParameters, describeParameters, type WorldParameters } from "./parameters.js";
export type { Plant, PlantPlace } from "./plant.js";
export { World, type WorldOptions, type WorldReport } from "./world.js";
