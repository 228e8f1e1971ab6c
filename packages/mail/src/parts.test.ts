import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildNotice,
  decodeWords,
  formatDate,
  type NoticeInput,
  parseDate,
  readMail,
  shrinkMail,
  summarizeMail,
} from "./index.js";
import { rewrapText, unwrapText } from "./wrap.js";

const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2_000);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("dates", () => {
  it.each<[string, number, number]>([
    ["Wed, 05 Jun 2024 05:53:20 +0000", 1_717_566_800, 0],
    ["Mon, 05 Jun 2024 05:53:20 +0000", 1_717_566_800, 0],
    ["5 Jun 2024 05:53:20 -0330", 1_717_579_400, -14],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0, 0],
    ["Sat, 29 Feb 2020 23:59:59 +1400", 1_582_970_399, 56],
    ["Sun, 7 Feb 2106 06:28:15 +0000 (UTC)", 0xffff_ffff, 0],
  ])("reads %s and writes it again", (text, unixS, zoneQuarters) => {
    const date = parseDate(text);
    expect(date).toMatchObject({ unixS, zoneQuarters });
    expect(date && formatDate(date)).toBe(text);
  });

  it.each([
    "Wed, 31 Jun 2024 05:53:20 +0000",
    "Wed, 05 Jun 2024 24:00:00 +0000",
    "Wed, 05 Jun 2024 05:53:60 +0000",
    "Wed, 05 Jun 2024 05:53 +0000",
    "Wed, 05 jun 2024 05:53:20 +0000",
    "Wed,  5 Jun 2024 05:53:20 +0000",
    "Wed, 05 Jun 2024 05:53:20 EST",
    "Wed, 05 Jun 2024 05:53:20 +0007",
    "Wed, 05 Jun 1969 05:53:20 +0000",
    "Sun, 07 Feb 2106 06:28:16 +0000",
    "yesterday",
  ])("leaves %s as text", (text) => {
    expect(parseDate(text)).toBeNull();
  });
});

describe("text filled at a width", () => {
  it("loses its explained line breaks and gets them back", () => {
    const text =
      "one two three four five six seven eight nine ten\neleven twelve thirteen fourteen fifteen sixteen\nseventeen\n\n-- \nme\n";
    const unwrapped = unwrapText(text);
    expect(unwrapped?.text).toBe(
      text.replace("ten\neleven", "ten eleven").replace("sixteen\nseventeen", "sixteen seventeen"),
    );
    expect(rewrapText(unwrapped?.text ?? "", unwrapped?.width ?? 0)).toBe(text);
  });

  it("comes back whatever it is", () => {
    const line = fc.string({
      unit: fc.constantFrom("a", "bc", " ", "  ", "\xc3\xa9", "-", "\x01", "longer-word"),
      maxLength: 60,
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const text = lines.join("\n");
        const unwrapped = unwrapText(text);
        if (unwrapped !== null) expect(rewrapText(unwrapped.text, unwrapped.width)).toBe(text);
      }),
      { numRuns: FUZZ_CASES },
    );
  });
});

describe("summarizeMail", () => {
  const mail = bytes(
    "From: =?utf-8?Q?Andr=C3=A9?= <a@b.example>\r\nTo: b@c.example,\r\n d@e.example\r\nCc: f@g.example\r\n" +
      "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n =?iso-8859-1?q?_aus_K=F6ln?=\r\nDate: Wed, 05 Jun 2024 05:53:20 +0000\r\n" +
      "Message-ID: <1@b.example>\r\n\r\nx\r\n",
  );

  it("says the same of a mail and of its payload", () => {
    const expected = {
      from: "André <a@b.example>",
      to: "b@c.example, d@e.example",
      cc: "f@g.example",
      subject: "Grüße aus Köln",
      date: "Wed, 05 Jun 2024 05:53:20 +0000",
      messageId: "<1@b.example>",
    };
    expect(summarizeMail(mail)).toEqual(expected);
    expect(summarizeMail(shrinkMail(mail))).toEqual(expected);
  });

  it("is one clean line per field, whatever the mail", () => {
    const hostile = "=?utf-8?q?a=0D=0ABcc:_x=1B[31m=E2=80=AEevil?=";
    const summary = summarizeMail(bytes(`Subject: ${hostile}\r\nFrom: ${"x".repeat(3_000)}\r\n\r\n`));
    expect(summary.subject).toBe("a Bcc: x [31m evil");
    expect(summary.from).toHaveLength(998);
    expect(summary.to).toBe("");
  });

  it.each([
    "=?x-unknown?q?abc?=",
    "=?utf-8?b?####?=",
    "=?utf-8?q?=FF?=",
    "=?utf-8?b?QQQQQ?=",
    "=?utf-8?x?abc?=",
  ])("shows what it cannot decode as it stands: %s", (word) => {
    expect(decodeWords(word)).toBe(word);
  });

  it("decodes any words without failing, and no more than 200", () => {
    const piece = fc.constantFrom(
      "=?",
      "?=",
      "utf-8",
      "?q?",
      "?b?",
      "=C3",
      "QUJD",
      " ",
      "\xc3\xa9",
      "_",
      "=",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(typeof decodeWords(pieces.join(""))).toBe("string");
      }),
      { numRuns: FUZZ_CASES },
    );
    const many = decodeWords("=?utf-8?q?a?= ".repeat(300));
    expect(many.startsWith("a".repeat(200))).toBe(true);
    expect(many.match(/=\?utf-8/g)).toHaveLength(100);
  });
});

describe("buildNotice", () => {
  const input: NoticeInput = {
    reportingDomain: "ship.example",
    to: "anna@ship.example",
    recipients: [
      {
        address: "ben@shore.example",
        action: "failed",
        status: "5.4.7",
        reason: "It was not delivered within 5 days.",
      },
    ],
    advice: "Send it again when the link is up.",
    subject: "cargo plan",
    originalMessageId: "<1@ship.example>",
    queueId: "4F2K-M2QX",
    noticeId: "4F2K-M2QX.n1",
    date: "Wed, 05 Jun 2024 05:53:20 +0000",
  };

  it("is a report that people and programs can read", () => {
    const bytesOf = buildNotice(input);
    const notice = new TextDecoder().decode(bytesOf);
    const { fields } = readMail(bytesOf);
    const names = fields.map((field) => field.name);
    expect(names).toEqual([
      ...[
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
      ],
    ]);
    expect(notice).toContain('multipart/report; report-type=delivery-status; boundary="=_4F2K-M2QX.n1"');
    expect(notice).toMatch(
      /Not delivered: your mail "cargo plan" \(4F2K-M2QX\)\.\r\n\r\n {2}ben@shore\.example: It was/,
    );
    expect(notice).toContain(
      "Final-Recipient: rfc822; ben@shore.example\r\nAction: failed\r\nStatus: 5.4.7\r\n",
    );
    expect(notice).toContain("Auto-Submitted: auto-replied\r\n");
    expect(notice.match(/^--=_4F2K-M2QX\.n1(?:--)?\r$/gm)).toHaveLength(4);
  });

  it("says until when a delayed mail is tried", () => {
    const [recipient] = input.recipients;
    const recipients =
      recipient === undefined ? [] : [{ ...recipient, action: "delayed" as const, status: "4.4.7" }];
    const notice = new TextDecoder().decode(
      buildNotice({ ...input, recipients, retryUntil: "Sat, 08 Jun 2024 05:53:20 +0000" }),
    );
    expect(notice).toContain("Will-Retry-Until: Sat, 08 Jun 2024 05:53:20 +0000\r\n");
    expect(notice).toContain("Still waiting: your mail");
  });

  it("stays within 2 kB and gains no field from what outsiders wrote", () => {
    const clean = readMail(buildNotice(input)).fields.map((field) => field.name);
    const evil = fc.string({
      unit: fc.constantFrom(
        "\r\n",
        "Bcc: x",
        "\n",
        "\r",
        "\0",
        "--=_4F2K-M2QX.n1",
        "é",
        "\u2028",
        "漢",
        "a ",
      ),
      maxLength: 200,
    });
    fc.assert(
      fc.property(evil, evil, fc.integer({ min: 1, max: 50 }), (one, two, count) => {
        const recipients = Array.from({ length: count }, (_, i) => {
          return {
            address: `u${i}@${"x".repeat(60)}.example`,
            action: "failed" as const,
            status: "5.0.0",
            reason: one,
            diagnostic: two,
          };
        });
        const notice = buildNotice({ ...input, recipients, subject: one, advice: two, queueId: two });
        expect(notice.length).toBeLessThanOrEqual(2_048);
        const { fields, body } = readMail(notice);
        expect(fields.map((field) => field.name)).toEqual(clean);
        const text = new TextDecoder().decode(body ?? undefined);
        expect(text.match(/^--=_4F2K-M2QX\.n1(?:--)?\r$/gm)).toHaveLength(4);
      }),
      { numRuns: Math.ceil(FUZZ_CASES / 4) },
    );
  });

  it("is sent to nobody but a plain address, and carried like any mail", () => {
    expect(() => buildNotice({ ...input, to: "anna@ship.example\r\nBcc: x" })).toThrow("strict addresses");
    expect(() => buildNotice({ ...input, to: "" })).toThrow("strict addresses");
    expect(() => shrinkMail(buildNotice(input))).not.toThrow(ProtocolError);
  });
});
