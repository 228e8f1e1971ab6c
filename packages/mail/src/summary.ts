import { limits } from "./limits.js";
import { isPayload, payloadFields } from "./payload.js";
import { headerValues, readMail } from "./read.js";
import { decodeWords } from "./words.js";

/** What a queue listing shows of a mail. Decoded, one line each, without control characters; "" when missing. */
export interface MailSummary {
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly subject: string;
  /** As written, RFC 5322 §3.3. */
  readonly date: string;
  /** With its angle brackets. */
  readonly messageId: string;
}

/** Of a mail or of a payload. For people to read; decides nothing. Errors as `readMail` and `rebuildMail`. */
export function summarizeMail(mailOrPayload: Uint8Array): MailSummary {
  const fields = isPayload(mailOrPayload) ? payloadFields(mailOrPayload) : readMail(mailOrPayload).fields;
  const show = (name: string): string => {
    return decodeWords(headerValues({ fields, body: null }, name).join(", "))
      .replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ")
      .slice(0, limits.summaryCharsMax)
      .trim();
  };
  return {
    from: show("From"),
    to: show("To"),
    cc: show("Cc"),
    subject: show("Subject"),
    date: show("Date"),
    messageId: show("Message-ID"),
  };
}
