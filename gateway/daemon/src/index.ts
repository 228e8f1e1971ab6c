export { type Gateway, type GatewayOptions, socketPath, startGateway } from "./gateway.js";
export { type Invitation, makeInvitation, readInvitation } from "./invitation.js";
export { DAEMON_LIMITS } from "./limits.js";
export { checkPlugins, loadConfig } from "./load.js";
export { createLog, type Log } from "./log.js";
export { type AcceptedPeer, PeerBook } from "./peer-book.js";
export { EXIT, exitCodeOf, runService } from "./service.js";
export { besideConfig, type GatewayState, openState } from "./state.js";
