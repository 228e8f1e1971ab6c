/** What a gateway reports while it runs; part of the core's interface. */
export type { Telemetry } from "@estafette/relay";
export { type Gateway, type GatewayOptions, socketPath, startGateway } from "./gateway.js";
export { inspectStore, type StoreView } from "./inspect.js";
export { type Invitation, makeInvitation, readInvitation } from "./invitation.js";
export { EXIT, exitCodeOf, runService } from "./lifetime.js";
export { DAEMON_LIMITS } from "./limits.js";
export { checkPlugins, loadConfig } from "./load.js";
export { createLog, type Log } from "./log.js";
export { type AcceptedPeer, PeerBook } from "./peer-book.js";
export { besideConfig, type GatewayState, openState } from "./state.js";
