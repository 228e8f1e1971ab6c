export { createByteExchange, createBytePipe } from "./byte-pipe.js";
export type { KissMessage } from "./kiss-bytes.js";
export { type KissOnPorts, type KissPortsOptions, startKissOnPorts } from "./kiss-on-ports.js";
export { EMULATOR_LIMITS } from "./limits.js";
export { type MeshtasticOnTcp, serveMeshtasticTcp } from "./meshtastic/faces.js";
export { createMeshtasticMesh, type HostCable, type MeshtasticMesh } from "./meshtastic/mesh.js";
export type { MeshtasticDefects, MeshtasticOptions } from "./meshtastic/options.js";
export { MqttBroker, type MqttBrokerOptions } from "./mqtt-broker.js";
export { PacketChannel, type PacketCounters, type PacketEvent, type PacketFate } from "./packet-channel.js";
export { PACKET_DEFECTS, type PacketDefect, type PacketOptions, packetOptions } from "./packet-options.js";
export { createPacketRadio, type PacketRadio } from "./packet-radio.js";
export { openPseudoTerminal, type PseudoTerminal } from "./pseudo-terminal.js";
export {
  type FrameFate,
  RadioChannel,
  type RadioCounters,
  type RadioEvent,
  type Side,
} from "./radio-channel.js";
export { type RadioOnTerminals, startRadioOnTerminals, type TerminalOptions } from "./radio-on-terminals.js";
export { RADIO_DEFAULTS, type RadioOptions, radioOptions } from "./radio-options.js";
export { createRadioPair, type RadioPair } from "./radio-pair.js";
export type { RnodeOptions } from "./rnode/options.js";
export { createRnodes, type Rnodes } from "./rnode/rnodes.js";
export { deliverByDirectIp, serveMt } from "./sbd-direct-ip.js";
export { type MobileOriginated, type SbdBill, SbdGateway, type SbdGatewayOptions } from "./sbd-gateway.js";
export { SbdModem, type SbdModemSetup, type SessionFate } from "./sbd-modem.js";
export { sbdOnTerminal } from "./sbd-on-terminal.js";
export { SBD_DEFAULTS, type SbdOptions } from "./sbd-options.js";
export { deliverByWebHook, type RockBlockSite, startRockBlockSite } from "./sbd-web.js";
export { type DeviceOnTerminal, serveOnTerminal } from "./terminal-face.js";
