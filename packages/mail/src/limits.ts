/** Every bound of this package: its unit, and what happens at the bound. */
export const limits = {
  /** Bytes of one mail, in and rebuilt. Above: EST_PROTOCOL_MAIL. Our choice: largest Postfix default × 3. */
  mailBytesMax: 32 * 1024 * 1024,
  /** Header bytes of one mail, all parts together. Above: EST_PROTOCOL_MAIL. Our choice. */
  headerBytesMax: 64 * 1024,
  /** Header lines of one mail, all parts together, folded lines counted. Above: EST_PROTOCOL_MAIL. Our choice. */
  headerLinesMax: 1_000,
  /** MIME parts of one mail, multiparts included. Above: EST_PROTOCOL_MAIL. Our choice. */
  partsMax: 100,
  /** Nesting of multiparts. Above: EST_PROTOCOL_MAIL. Our choice. */
  depthMax: 16,
  /** Characters of a multipart boundary (RFC 2046 §5.1.1). Above: the multipart is carried as plain text. */
  boundaryCharsMax: 70,
  /** Encoded words decoded in one header value. Above: the rest is shown undecoded. Our choice. */
  encodedWordsMax: 200,
  /** Characters of one summary field. Above: cut. Our choice: one unfolded line of RFC 5322 §2.1.1. */
  summaryCharsMax: 998,
  /** Mailboxes in one address header. Above: the value counts as ambiguous. Our choice. */
  mailboxesMax: 200,
  /** Domains a header block can refer back to. Above: the domain is written out. Sixteen code bytes exist. */
  domainsMax: 16,
  /** Bytes of a text part whose line breaks are modelled. Above: carried line by line. Our choice. */
  wrapBytesMax: 1024 * 1024,
  /** Octets of an address before and after the at sign (RFC 5321 §4.5.3.1). Above: not an address. */
  localOctetsMax: 64,
  domainOctetsMax: 253,
  /** Bytes of a notice. Above: the quoted subject and the explanations are cut. Our choice. */
  noticeBytesMax: 2_048,
  /** Received lines before a mail counts as looping (`reliability`: 554 5.4.6). Our choice, as RFC 5321 §6.3 advises a bound. */
  receivedMax: 30,
  /** Times a mail may already have left through this gateway. Our choice: a mailing list may bring it back once. */
  ownTracesMax: 1,
} as const;
