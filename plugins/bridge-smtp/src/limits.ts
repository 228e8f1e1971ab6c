/** Every bound of this bridge: its unit, and what happens at the bound. */
export const limits = {
  /** Recipients of one mail. Above: 452 4.5.3. RFC 5321 §4.5.3.1.8 asks for 100; our contract carries 50. */
  recipientsMax: 50,
  /** Bytes of one mail unless configured. Above: 552 5.3.4. Our choice: what Postfix calls message_size_limit. */
  sizeBytesDefault: 10_000_000,
  /** Bytes a client may send past the limit before the connection is closed. Our choice. */
  overrunBytesMax: 1_000_000,
  /** Bytes of all mails being received, as a multiple of the size limit. Above: 452 4.3.1. Our choice. */
  inFlightFactor: 3,
  /** Connections to one listener unless configured. Above: 421 4.7.0. Our choice. */
  connectionsDefault: 20,
  /** Connections from one address to the submission listener unless configured. Above: 421 4.7.0. Our choice. */
  perAddressDefault: 4,
  /** Milliseconds without a byte from the client. Then: 421. Our choice; RFC 5321 §4.5.3.2.7 advises 300 s. */
  idleMs: 60_000,
  /** Milliseconds for one mail's data. Then: the connection is closed. Our choice. */
  dataMs: 300_000,
  /** Milliseconds a closing listener waits for open sessions. Then: 421 4.3.2. Our choice. */
  closeMs: 2_000,
  /** Characters of a command line. Above: 421. 16 kB allow an AUTH line; RFC 4954 §4 asks for 12 288. */
  commandCharsMax: 16_384,
  /** Source-routed paths remembered per connection. Above: the connection is closed. Our choice. */
  routedPathsMax: 64,
  /** Wrong passwords from one address before it has to wait, and for how long. Then: 454 4.7.0. Our choice. */
  wrongPasswordsMax: 5,
  wrongPasswordWaitMs: 30_000,
  /** Addresses whose wrong passwords are counted. Above: the oldest is forgotten. Our choice. */
  watchedAddressesMax: 1_000,
  /** Characters of a reply's text. Above: cut. RFC 5321 §4.5.3.1.5 allows 512 for the whole line. */
  replyCharsMax: 300,
  /** Milliseconds to reach a server, to be greeted by it, and without a byte from it. Then: deferred. Our choice;
   *  the last is RFC 5321 §4.5.3.2.6, the time after the final dot. */
  connectMs: 30_000,
  greetingMs: 30_000,
  answerMs: 600_000,
  /** Milliseconds to wait after a temporary refusal, and after an unreachable or vanished server. Our choice;
   *  never under five minutes once the mail may have arrived. */
  retryRefusedMs: 300_000,
  retryUnreachableMs: 60_000,
} as const;
