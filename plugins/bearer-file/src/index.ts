import type { BearerPlugin } from "@estafette/contract";
import { FileBearer } from "./bearer.js";
import { type FileConfig, parseFileConfig } from "./config.js";

/** Parcels as files in a folder that somebody, or a file sync, carries to and fro. */
const filePlugin: BearerPlugin<FileConfig> = {
  kind: "file",
  contract: 1,
  parse: parseFileConfig,
  create: (config, host) => new FileBearer(config, host),
};

export default filePlugin;
export type { FileConfig } from "./config.js";
export { FILE_LIMITS } from "./limits.js";
// For the fuzz tests: what reads bytes of others.
export { decodeParcelFile, encodeParcelFile } from "./parcel-file.js";
