export type { Config, LinkConfig, MailConfig, PeerConfig, TlsFiles, UserConfig } from "./config.js";
export type { SecretLookup } from "./document.js";
export { ConfigErrors, formatConfigError } from "./errors.js";
export { configJsonSchema, configReference, type JsonSchema } from "./json-schema.js";
export { formatKey, parseKey } from "./key-text.js";
export { CONFIG_LIMITS } from "./limits.js";
export { optionKey, parseConfig, parseSecrets } from "./parse.js";
