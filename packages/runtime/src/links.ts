import { type ByteLink, type ByteListener, ConfigError } from "@estafette/contract";
import { parseLinkUrl } from "./link-url.js";
import { openSerial } from "./serial.js";
import { listenTcp, openTcp } from "./tcp.js";

/** Opens `serial:`, `pty:` or `tcp:`. Throws ConfigError for a wrong URL, OperatingError
 *  EST_OPERATING_PORT_GONE when it cannot be opened or `signal` aborts first. */
export async function openByteLink(url: string, signal: AbortSignal): Promise<ByteLink> {
  const address = parseLinkUrl(url);
  if (address.scheme === "tcp") return openTcp(address.host, address.port, signal);
  return openSerial(address.path, address.line, signal);
}

/** Listens on `tcp:address:port`; port 0 takes a free one, see `ByteListener.url`. */
export async function listenBytes(url: string, signal: AbortSignal): Promise<ByteListener> {
  const address = parseLinkUrl(url);
  if (address.scheme !== "tcp") {
    const fix = "tcp:address:port";
    throw new ConfigError("EST_CONFIG_VALUE", `cannot listen on "${url}"; write ${fix}`, { fix });
  }
  return listenTcp(address.host, address.port, signal);
}
