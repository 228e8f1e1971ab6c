/** Bounds of this bearer. */
export const MESHTASTIC_LIMITS = {
  /** Largest message of the stream interface, in bytes (MAX_TO_FROM_RADIO_SIZE of the firmware); what announces more is
   *  no frame. */
  messageBytesMax: 512,
  /** Most payload of one packet in bytes: on a channel, and sealed to one node. Configurable downwards, since firmware
   *  changes them. */
  channelPayloadBytesMax: 231,
  directPayloadBytesMax: 219,
  /** Nodes of the radio's database that are kept; when it knows more, the first ones stay. */
  nodesMax: 512,
  /** Neighbours announced at once; further nodes are not, unless they are named in the configuration. Our choice: as
   *  many conversations as one link of the core holds. */
  neighboursMax: 64,
  /** Events waiting for the gateway; reading from the radio waits at the bound. */
  eventsMax: 64,
  /** Bytes of one line of debug text; a longer line is logged in pieces. */
  textBytesMax: 200,
  /** Milliseconds an announced message may stay incomplete; then its header is taken for noise. At 115 200 bit/s a
   *  whole message takes 45 ms. */
  incompleteMsMax: 1_000,
  /** Milliseconds until a radio has answered a greeting, and how often it is greeted; then the run ends. */
  greetingMsMax: 20_000,
  greetingsMax: 3,
  /** Milliseconds between signs of life; the radio stops listening after 15 minutes without. */
  heartbeatMs: 300_000,
  /** Milliseconds between readings of the node database. They also wake a radio that restarted without a word. */
  nodesEveryMs: 900_000,
  /** Milliseconds until a radio has answered a packet or a sign of life; later it is asked once more, then closed. */
  answerMsMax: 5_000,
  /** Questions whether the radio has sent a parcel; then it counts as sent, and the next one waits instead. */
  pollsMax: 24,
  /** Times our own repetitions of a packet that wants an acknowledgement, as the firmware does it. */
  repeatsMax: 2,
} as const;
