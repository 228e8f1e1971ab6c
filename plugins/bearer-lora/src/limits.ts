/** Bounds of this bearer. */
export const LORA_LIMITS = {
  /** Largest payload an RNode takes, in bytes: two LoRa packets (firmware's MTU). */
  rnodePayloadBytesMax: 508,
  /** Bytes of one frame of a board; a longer one is dropped and counted. */
  frameBytesMax: 600,
  /** Milliseconds a frame may pause; then what came of it is dropped. At 115 200 bit/s a whole frame takes 90 ms. */
  incompleteMsMax: 1_000,
  /** Gateways on one frequency that a link may name. Our choice: as many as one link of the core holds. */
  neighboursMax: 64,
  /** Events waiting for the gateway; reading from the board waits at the bound. */
  eventsMax: 64,
  /** Milliseconds until a board has answered a question, and how often it is asked before it is given up. */
  answerMsMax: 1_000,
  questionsMax: 3,
  /** Milliseconds from opening the port until a board has started: opening restarts it. */
  bootMs: 2_000,
  /** Milliseconds between signs of life; a board that was restarted unseen is noticed by then. */
  signOfLifeMs: 60_000,
  /** Questions whether a board has sent a parcel; then it counts as sent, and the next one waits instead. */
  pollsMax: 24,
} as const;
