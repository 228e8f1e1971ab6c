export { type BearerHostParts, bearerHost } from "./bearer-host.js";
export { type SystemClockOptions, systemClock } from "./clock.js";
export { readSecretFile, writeFileDurably } from "./files.js";
export { RUNTIME_LIMITS } from "./limits.js";
export { type LinkAddress, parseLinkUrl, type SerialLine } from "./link-url.js";
export { listenBytes, openByteLink } from "./links.js";
export { type NotifyResult, notifyService } from "./notify.js";
export { resolveByIdPath } from "./port-names.js";
export { systemRng } from "./rng.js";
