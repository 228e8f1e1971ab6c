export * from "./bearer.js";
export * from "./bridge.js";
export * from "./clock.js";
export * from "./errors.js";
export * from "./options.js";
