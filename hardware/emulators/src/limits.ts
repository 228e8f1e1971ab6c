/** Bounds of the emulated devices. */
export const EMULATOR_LIMITS = {
  /** Bytes a modem holds for a computer that does not read; beyond, the oldest are lost, as in an overrun UART. */
  unreadBytesMax: 65_536,
  /** Scripted interruptions of one channel; more are refused when it is made. */
  cutsMax: 10_000,
  /** Listeners of one channel's events; more are refused. */
  listenersMax: 16,
  /** TNCs on one packet radio channel; more are refused when it is made. */
  stationsMax: 32,
  /** Computers at one TNC; the next one is not let in. */
  computersMax: 8,
  /** Bytes a TNC takes at a time from a computer; a longer write is taken in pieces. */
  kissWriteBytesMax: 4_096,
  /** Bytes taken from a pseudo-terminal at a time; the kernel's terminal buffer holds the rest back. */
  terminalReadBytesMax: 1_024,
  /** Bytes of a message up and down of a 9602 or 9603; longer is refused. */
  sbdMoBytesMax: 340,
  sbdMtBytesMax: 270,
  /** Messages that wait for one SBD modem; the next is refused with −5. */
  sbdQueueMessagesMax: 50,
  /** Messages that nobody ashore has taken; beyond, the oldest is lost. */
  sbdAshoreMessagesMax: 1_000,
  /** Sessions of an SBD modem scripted beforehand; more are ignored. */
  sbdScriptMax: 1_000,
  /** Bytes of one AT command; a longer line is dropped. */
  sbdLineBytesMax: 256,
  /** Bytes of one DirectIP message; a longer announcement closes the connection. */
  sbdDirectIpBytesMax: 4_096,
  /** Bytes of one request to the emulated web service; a longer one is refused. */
  sbdRequestBytesMax: 8_192,
  /** Clients of the emulated broker; the next is closed. */
  mqttClientsMax: 64,
  /** Messages waiting for one client; beyond, the newest is dropped without a word. */
  mqttQueueMessagesMax: 1_000,
  /** Messages a client has not acknowledged, whatever window it asks for; the others wait. */
  mqttInFlightMax: 100,
  /** Retained messages; beyond, a new topic is not retained. */
  mqttRetainedMax: 1_000,
  /** Longest wait for the terminal program to start, in milliseconds. */
  terminalStartMsMax: 15_000,
  /** LoRa radios on one emulated frequency, and channels of each (a real radio has eight); more are refused. */
  meshNodesMax: 16,
  meshChannelsMax: 8,
  /** Packets a mesh radio holds for sending, as the firmware's MAX_TX_QUEUE; a host is told when it is full. */
  meshTransmitQueueMax: 16,
  /** Packet ids of its host a mesh radio remembers; an id among them is dropped without a word. */
  meshHostIdsMax: 20,
  /** Packets of the air a mesh radio remembers so as not to repeat them; an older one is taken for new. */
  meshSeenMax: 256,
  /** Milliseconds without a byte of its host after which a radio keeps packets instead of giving them. */
  meshHostSilentMsMax: 900_000,
} as const;
