import { ConfigError } from "@estafette/contract";

/** One of the two: this gateway calls one neighbour, or is called by many. */
export type TcpConfig =
  | { readonly role: "connect" /** host:port, an IPv6 host in brackets. */; readonly address: string }
  | { readonly role: "listen" /** address:port to bind. */; readonly address: string };

/** Throws ConfigError naming the key and the fix. */
export function parseTcpConfig(raw: unknown): TcpConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw wrong("EST_CONFIG_VALUE", "", 'write connect: "host:port" or listen: "address:port"');
  }
  for (const key of Object.keys(raw)) {
    if (key !== "connect" && key !== "listen") {
      throw wrong("EST_CONFIG_KEY", key, "remove it; known keys are connect and listen");
    }
  }
  const { connect, listen } = raw as Record<string, unknown>;
  if (connect !== undefined && listen !== undefined) {
    throw wrong("EST_CONFIG_KEY", "listen", "keep connect or listen; use two links for both");
  }
  if (connect !== undefined) return { role: "connect", address: parseAddress("connect", connect, 1) };
  if (listen !== undefined) return { role: "listen", address: parseAddress("listen", listen, 0) };
  throw wrong("EST_CONFIG_KEY", "connect", 'add connect: "host:port" or listen: "address:port"');
}

function parseAddress(key: string, value: unknown, portMin: number): string {
  const found = typeof value === "string" ? ADDRESS.exec(value) : null;
  const port = Number(found?.[1]);
  if (typeof value !== "string" || !found || port < portMin || port > 65_535) {
    throw wrong("EST_CONFIG_VALUE", key, `write "host:port" with a port of ${portMin} to 65535`);
  }
  return value;
}

function wrong(code: "EST_CONFIG_KEY" | "EST_CONFIG_VALUE", key: string, fix: string): ConfigError {
  return new ConfigError(code, `tcp${key && `: ${key}`}: ${fix}`, { key, fix });
}

const ADDRESS = /^(?:\[[0-9a-fA-F:.%\w]+\]|[^:[\]/?#\s]+):(\d{1,5})$/;
