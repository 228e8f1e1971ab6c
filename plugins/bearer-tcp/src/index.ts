import type { BearerPlugin } from "@estafette/contract";
import { parseTcpConfig, type TcpConfig } from "./config.js";
import { ConnectingBearer } from "./connecting-bearer.js";
import { ListeningBearer } from "./listening-bearer.js";

/** Parcels over TCP: two bytes of length, then the parcel. */
const tcpPlugin: BearerPlugin<TcpConfig> = {
  kind: "tcp",
  contract: 1,
  parse: parseTcpConfig,
  create(config, host) {
    return config.role === "connect"
      ? new ConnectingBearer(config.address, host)
      : new ListeningBearer(config.address, host);
  },
};

export default tcpPlugin;
export type { TcpConfig } from "./config.js";
export { TCP_LIMITS } from "./limits.js";
