import { PluginOptions } from "@estafette/contract";

/** One of the two: this gateway calls one neighbour, or is called by many. */
export type TcpConfig =
  | { readonly role: "connect" /** host:port, an IPv6 host in brackets. */; readonly address: string }
  | { readonly role: "listen" /** address:port to bind. */; readonly address: string };

/** Throws ConfigError naming the key and the fix. */
export function parseTcpConfig(raw: unknown): TcpConfig {
  const given = new PluginOptions("tcp", raw, 'write connect: "host:port" or listen: "address:port"');
  given.allowOnly(["connect", "listen"]);
  const [connect, listen] = [given.value("connect"), given.value("listen")];
  if (connect !== undefined && listen !== undefined) {
    throw given.wrong("EST_CONFIG_KEY", "listen", "keep connect or listen; use two links for both");
  }
  if (connect !== undefined) return { role: "connect", address: parseAddress(given, "connect", connect, 1) };
  if (listen !== undefined) return { role: "listen", address: parseAddress(given, "listen", listen, 0) };
  throw given.wrong("EST_CONFIG_KEY", "connect", 'add connect: "host:port" or listen: "address:port"');
}

function parseAddress(given: PluginOptions, key: string, value: unknown, portMin: number): string {
  const found = typeof value === "string" ? ADDRESS.exec(value) : null;
  const port = Number(found?.[1]);
  if (typeof value !== "string" || !found || port < portMin || port > 65_535) {
    throw given.wrong("EST_CONFIG_VALUE", key, `write "host:port" with a port of ${portMin} to 65535`);
  }
  return value;
}

const ADDRESS = /^(?:\[[0-9a-fA-F:.%\w]+\]|[^:[\]/?#\s]+):(\d{1,5})$/;
