import { describe, expect, it } from "vitest";
import { isPayload, rebuildMail, shrinkMail } from "./index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A mail whose last part is base64 in lines of `lineChars`, with `endings` line ends after the last. */
function mailEndingInBase64(lineChars: number, endings: number, contentBytes: number): Uint8Array {
  const coded = Buffer.alloc(contentBytes, "barometer ").toString("base64");
  const lines = coded.match(new RegExp(`.{1,${lineChars}}`, "g")) ?? [];
  const part = `Content-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines.join("\r\n")}`;
  const body = `--b\r\n${part}${"\r\n".repeat(endings)}\r\n--b--\r\n`;
  return bytes(
    `From: <a@b.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${body}`,
  );
}

describe("a mail that ends in a base64 part", () => {
  for (const lineChars of [4, 40, 72, 76, 252]) {
    for (const endings of [0, 1, 2]) {
      it(`in lines of ${lineChars} with ${endings} line ends comes back byte by byte, and decoded on the way`, () => {
        for (const contentBytes of [1, 2, 3, 30, 57, 58, 400]) {
          const mail = mailEndingInBase64(lineChars, endings, contentBytes);
          const payload = shrinkMail(mail);
          expect(Buffer.from(rebuildMail(payload)).toString()).toBe(Buffer.from(mail).toString());
          expect(isPayload(payload)).toBe(true);
          expect(Buffer.from(payload).includes("barometer ".repeat(2))).toBe(contentBytes >= 20);
        }
      });
    }
  }
});
