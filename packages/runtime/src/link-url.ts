import { ConfigError } from "@estafette/contract";

/** What a byte-link URL names. */
export type LinkAddress =
  | { readonly scheme: "serial"; readonly path: string; readonly line: SerialLine }
  | { readonly scheme: "tcp"; readonly host: string; readonly port: number };

export interface SerialLine {
  /** Bits per second on the wire [50…4 000 000], default 9600. A PTY ignores it. */
  readonly baud: number;
  readonly parity: "none" | "even" | "odd";
  readonly dataBits: 7 | 8;
  readonly stopBits: 1 | 2;
  /** `hardware`: RTS/CTS. */
  readonly flow: "none" | "hardware";
}

/** `serial:/dev/…?baud=9600&parity=none&dataBits=8&stopBits=1&flow=none`, `pty:/dev/pts/3`, `tcp:host:port`,
 *  `tcp:[::1]:port`. Throws ConfigError EST_CONFIG_VALUE. */
export function parseLinkUrl(url: string): LinkAddress {
  const colon = url.indexOf(":");
  const scheme = url.slice(0, Math.max(0, colon));
  const rest = url.slice(colon + 1);
  if (scheme === "serial") return parseSerial(url, rest);
  if (scheme === "pty") return { scheme: "serial", path: absolutePath(url, rest), line: DEFAULT_LINE };
  if (scheme === "tcp") return parseTcp(url, rest);
  throw wrong(url, "must begin with serial:, pty: or tcp:");
}

function parseSerial(url: string, rest: string): LinkAddress {
  const [path = "", query = ""] = rest.split("?", 2);
  let line = DEFAULT_LINE;
  for (const [key, value] of new URLSearchParams(query)) line = { ...line, ...lineOption(url, key, value) };
  return { scheme: "serial", path: absolutePath(url, path), line };
}

function lineOption(url: string, key: string, value: string): Partial<SerialLine> {
  const number = Number(value);
  if (key === "baud" && Number.isInteger(number) && number >= 50 && number <= 4_000_000) {
    return { baud: number };
  }
  if (key === "parity" && (value === "none" || value === "even" || value === "odd")) return { parity: value };
  if (key === "dataBits" && (number === 7 || number === 8)) return { dataBits: number };
  if (key === "stopBits" && (number === 1 || number === 2)) return { stopBits: number };
  if (key === "flow" && (value === "none" || value === "hardware")) return { flow: value };
  throw wrong(url, `has an option that is unknown or out of range: ${key}=${value}`);
}

function parseTcp(url: string, rest: string): LinkAddress {
  const found = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]/?#\s]+)):(\d{1,5})$/.exec(rest);
  const host = found?.[1] ?? found?.[2];
  const port = Number(found?.[3]);
  if (!host || port > 65_535) throw wrong(url, "must be tcp:host:port, an IPv6 host in square brackets");
  return { scheme: "tcp", host, port };
}

function absolutePath(url: string, path: string): string {
  if (!path.startsWith("/") || path.includes("\0")) throw wrong(url, "must name an absolute path");
  return path;
}

function wrong(url: string, complaint: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `the link "${url}" ${complaint}`, { fix: complaint });
}

const DEFAULT_LINE: SerialLine = { baud: 9_600, parity: "none", dataBits: 8, stopBits: 1, flow: "none" };
