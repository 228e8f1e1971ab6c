/** Bounds of this bearer. */
export const SBD_LIMITS = {
  /** Bytes of one message up and down of a 9602 or 9603 (vendor's manual); larger parcels are refused. */
  moBytesMax: 340,
  mtBytesMax: 270,
  /** Bytes of one message down that are read from any SBD modem (9522A); a longer announcement is noise. */
  readBytesMax: 1_890,
  /** Bytes of one line of a modem; a longer one is dropped up to its end. */
  lineBytesMax: 256,
  /** Lines of one reply kept; further ones are dropped. */
  replyLinesMax: 64,
  /** Milliseconds an ordinary command may take; then the modem is called anew. */
  commandMsMax: 5_000,
  /** Milliseconds a session may take (vendor: allow 90 s); then its outcome counts as unknown. */
  sessionMsMax: 120_000,
  /** Calls, 2 s apart, to a modem that does not answer; then the port counts as gone. Longer than the 60 s a modem waits
   *  for binary data. */
  callsMax: 40,
  /** Reads of a message whose checksum is wrong; then it stays in the modem until the next session. */
  readTriesMax: 3,
  /** Sessions in a row to empty the queue ashore, its whole length; then the next ring or visit goes on. */
  drainSessionsMax: 50,
  /** Milliseconds a message that was read may wait for its verdict before the next session overwrites it in the modem;
   *  it is then kept in memory. */
  verdictMsMax: 10_000,
  /** Messages in memory without a verdict; beyond, the oldest is forgotten, and the conversation above repeats it. */
  heldParcelsMax: 16,
  /** Milliseconds until a parcel answered `later` is offered again. */
  laterMs: 60_000,
  /** Events waiting for the gateway; beyond, a modem's message is not read, and callers ashore wait. */
  eventsMax: 256,
  /** Milliseconds until a try after a status that needs a human: locked, access denied, antenna. */
  fatalRetryMs: 3_600_000,
  /** Modems of one shore link; more are a ConfigError. */
  modemsMax: 256,
  /** Messages remembered for each modem, so that one delivered twice is heard once; the oldest is forgotten. */
  seenPerModemMax: 64,
  /** Bytes of one DirectIP message or web request; a longer one is refused. */
  requestBytesMax: 8_192,
  /** Connections of the operator's gateway at once; the next is closed. */
  callersMax: 16,
  /** Milliseconds for one DirectIP exchange, the gateway's commit included; then the connection is closed, and the
   *  operator tries again. */
  exchangeMsMax: 60_000,
  /** Milliseconds until a web request is answered whatever the gateway does: the service waits 3 s and tries again. */
  webAnswerMsMax: 2_500,
} as const;
