/** Bounds of the configuration reader. Each is refused with a ConfigError when passed, never cut silently. */
export const CONFIG_LIMITS = {
  /** Characters of one configuration file; more is an error at line 1. Our choice: 100 times a large file. */
  textCharactersMax: 262_144,
  /** Nested maps and lists below the top; deeper is an error at that place. */
  depthMax: 12,
  /** Maps, lists and scalars of one file. */
  nodesMax: 20_000,
  /** Errors reported for one file; the rest is dropped, as the first are to be mended anyway. */
  errorsMax: 50,
  /** Peers of one gateway, and entries of any other map or list a person writes. */
  peersMax: 256,
  linksMax: 64,
  usersMax: 1_000,
  domainsMax: 64,
  routesMax: 256,
  /** Relay list of one route (SPEC.md: 8 at most). */
  viaMax: 8,
  /** Contact windows of one link, and characters of one of them. */
  windowsMax: 64,
  windowCharactersMax: 128,
  /** Characters of a secret. */
  secretCharactersMax: 4_096,
} as const;
