import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPayload, keepsField, readMail, rebuildMail, shrinkMail } from "./index.js";
import { mailBytes, type SamplePart, writePart } from "./sample-mails.js";

const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2_000);
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

/** What must come back: the mail without the fields that stay behind. */
function kept(mail: Uint8Array): string {
  const { fields, body } = readMail(mail);
  const header = fields
    .filter((field) => keepsField(field.name))
    .map(({ name, raw }) => `${name}:${raw}\r\n`);
  return header.join("") + (body === null ? "" : `\r\n${latin(body)}`);
}

const typical = [
  "Return-Path: <grace@mv-aurora.example>",
  "Received: from laptop by aurora; Wed, 05 Jun 2024 05:53:20 +0000",
  "From: Grace Okoye <grace@mv-aurora.example>",
  "To: Farid Haddad <fhaddad@base.example>",
  "Bcc: secret@base.example",
  "Subject: Re: cargo plan",
  "Date: Wed, 05 Jun 2024 05:53:20 +0200",
  "Message-ID: <9e762e78c480caacedc263b99b176ac7@mv-aurora.example>",
  "In-Reply-To: <f78f9d312919c1a8843e254c0a628789@base.example>",
  "References: <00112233-4455-6677-8899-aabbccddeeff@x.example>",
  " <f78f9d312919c1a8843e254c0a628789@base.example>",
  "X-Mailer: Something 1.2",
  "DKIM-Signature: v=1; a=rsa-sha256; b=abc",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=UTF-8",
  "Content-Transfer-Encoding: 7bit",
];
const words = "the village radio asks whether the boat can bring thirty bags of rice and the school books ";

describe("shrinkMail and rebuildMail", () => {
  it("keep what the reader needs, byte by byte, and leave behind what only transports need", () => {
    const mail = mailBytes({ header: typical, body: "Hello.\r\n\r\n.\r\n-- \r\nGrace\r\n" });
    const payload = shrinkMail(mail);
    const rebuilt = latin(rebuildMail(payload));
    expect(rebuilt).toBe(kept(mail));
    expect(rebuilt).not.toMatch(/^(?:Bcc|Received|Return-Path|X-Mailer|DKIM-Signature):/im);
    expect(latin(payload)).not.toContain("secret");
    expect(isPayload(payload)).toBe(true);
    expect(isPayload(mail)).toBe(false);
  });

  it("cost a typical mail less than 60 bytes beyond what only its writer knows", () => {
    const text = words.repeat(8);
    const mail = mailBytes({ header: typical, body: writePart({ kind: "text", text, width: 72 }).body });
    const known = [
      "Grace Okoye <grace@mv-aurora.example>",
      "Farid Haddad <fhaddad@base.example>",
      "Re: cargo plan",
      text,
    ];
    const dense = 6 + 16 + 16 + 16;
    const own = shrinkMail(mail).length - dense - known.join("").length;
    expect(own).toBeLessThanOrEqual(60);
    expect(own).toBeGreaterThan(0);
  });

  it.each<[string, string]>([
    ["no body", "From: a@b.example\r\n"],
    ["empty body", "From: a@b.example\r\n\r\n"],
    ["no header", "\r\nbody\r\n"],
    ["nothing", ""],
    ["body without line end", "From: a@b.example\r\n\r\nbody"],
    ["odd spelling", "fROM:a@b.example\r\nSUBJECT:\r\nsubject:  two\t\r\nDate: now\r\n\r\nx"],
    ["space before the colon", "From : a@b.example\r\nSubject \t: x\r\n\r\nx"],
    ["folds", "Subject: a\r\n b\r\n\tc\r\n  \r\nTo:\r\n a@b.example\r\n\r\nx"],
    ["control characters", "Subject: \x01\x02\x1f\r\nMessage-ID: <\x01@\x10>\r\n\r\n\x01x\r\n\x01\x02\r\n"],
    ["8-bit", "Subject: Gr\xfc\xdfe\r\n\r\n\xff\xfe\x80\r\n"],
    ["unclosed multipart", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n"],
    ["empty parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--"],
    ["adjacent delimiters", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--\r\n"],
    ["part of a header only", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: b\r\n--b--\r\n"],
    [
      "part with a bad header",
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno colon\r\n\r\nx\r\n--b--\r\n",
    ],
    [
      "boundary prefix",
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--bc\r\n--b--x\r\n--b--\r\nend",
    ],
    [
      "same boundary twice",
      "Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
    ],
    ["base64 that is not", "Content-Transfer-Encoding: base64\r\n\r\nQUJD\r\nQ===\r\n"],
    ["base64 with loose bits", "Content-Transfer-Encoding: base64\r\n\r\nQUI=\r\n QUJ=\r\n"],
    ["base64 in one long line", `Content-Transfer-Encoding: base64\r\n\r\n${"QUJD".repeat(200)}\r\n`],
    ["reply without references", "In-Reply-To: <a@b>\r\n\r\nx"],
    ["references twice", "References: <a@b>\r\nReferences: <c@d>\r\nIn-Reply-To: <a@b>\r\n\r\nx"],
    [
      "bracketless ids",
      "Message-ID: 0123456789abcdef0123456789abcdef@b.example\r\nReferences: <a> junk <b>\r\n\r\nx",
    ],
    ["long hexadecimal ids", `Message-ID: <${"ab".repeat(400)}f@b.example>\r\n\r\nx`],
    [
      "id of many domains",
      `References: ${Array.from({ length: 40 }, (_, i) => `<x@d${i}.example>`).join(" ")}\r\n\r\nx`,
    ],
  ])("bring back odd mails: %s", (_, text) => {
    const expected = kept(bytes(text));
    expect(latin(rebuildMail(shrinkMail(bytes(text))))).toBe(expected);
  });

  it("put trace lines on top and refuse ones that are not", () => {
    const payload = shrinkMail(mailBytes({ header: typical, body: "x\r\n" }));
    const extraHeaders = [{ name: "X-Estafette-Id", value: "4F2K" }];
    const rebuilt = latin(
      rebuildMail(payload, { receivedLines: ["from a\r\n\tby b; now", "from c"], extraHeaders }),
    );
    expect(
      rebuilt.startsWith(
        "Received: from a\r\n\tby b; now\r\nReceived: from c\r\nX-Estafette-Id: 4F2K\r\nFrom:",
      ),
    ).toBe(true);
    for (const value of ["a\r\nBcc: b", "a\n b", "a\rb", "", "a\0", "a\r\n \r\nb", "é"]) {
      expect(() => rebuildMail(payload, { extraHeaders: [{ name: "X", value }] }), value).toThrow(
        ProtocolError,
      );
    }
    expect(() => rebuildMail(payload, { extraHeaders: [{ name: "X:", value: "y" }] })).toThrow(ProtocolError);
  });

  it("never bring back a field that is never carried, whoever wrote the payload", () => {
    for (const line of ["Bcc: x", "Received: x", "Return-Path: <>", "X-Estafette-Id: forged"]) {
      const verbatim = bytes(`\x10${line}\r\n\r\nx\r\n`);
      const structured = bytes(`\x11\0${line}\n\n\x01x`);
      expect(() => rebuildMail(verbatim), line).toThrow(ProtocolError);
      expect(() => rebuildMail(structured), line).toThrow(ProtocolError);
    }
    expect(latin(rebuildMail(bytes("\x11\0Comments: x\n\n\x01x")))).toBe("Comments: x\r\n\r\nx");
  });

  it("name a version they do not know", () => {
    for (const first of [0, 0x0f, 0x13, 0x20, 0xff]) {
      expect(() => rebuildMail(Uint8Array.of(first, 0, 10, 5))).toThrow(
        expect.objectContaining({ code: "EST_PROTOCOL_VERSION" }),
      );
    }
  });
});

const plainText = fc.string({ unit: fc.constantFrom(..."ab c d-é.>\t "), maxLength: 300 });
const leaf: fc.Arbitrary<SamplePart> = fc.oneof(
  fc.record({
    kind: fc.constant("text" as const),
    text: plainText,
    width: fc.integer({ min: 30, max: 110 }),
  }),
  fc.record({
    kind: fc.constant("base64" as const),
    content: fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((b) => String.fromCharCode(b)),
      maxLength: 400,
    }),
    lineChars: fc.constantFrom(60, 64, 72, 76, 77, 4),
    endings: fc.integer({ min: 0, max: 3 }),
  }),
  fc.record({
    kind: fc.constant("bare" as const),
    text: plainText.map((text) => text.replaceAll("-", "\r\n--")),
  }),
);
const part = fc.letrec<{ part: SamplePart }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    leaf,
    fc.record({
      kind: fc.constant("multi" as const),
      parts: fc.array(tie("part"), { minLength: 1, maxLength: 4 }),
      preamble: fc.constantFrom("", "This is MIME.\r\n", "\r\n"),
      epilogue: fc.constantFrom("\r\n", "", "\r\nsome words\r\n", "\r\n\r\n"),
    }),
  ),
})).part;
const field = fc.oneof(
  fc.constantFrom(...typical.filter((line) => !line.startsWith(" "))),
  fc
    .tuple(fc.constantFrom("Subject", "To", "X-Thing", "Bcc", "List-Id", "Date", "References"), plainText)
    .map(([name, value]) => `${name}: ${value.replaceAll("-", "\r\n x")}`),
);

describe("any mail", () => {
  it("comes back as it went, but for what stays behind", () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), part, (header, sample) => {
        const written = writePart(sample);
        const mail = mailBytes({ header: [...header, ...written.header], body: written.body });
        const payload = shrinkMail(mail);
        expect(latin(rebuildMail(payload))).toBe(kept(mail));
        expect(payload.length).toBeLessThanOrEqual(kept(mail).length + 1);
      }),
      { numRuns: FUZZ_CASES },
    );
  });

  it("that is nothing but noise is carried or refused as malformed", () => {
    const noise = fc.array(
      fc.constantFrom(
        "\r\n",
        "\r\n\r\n",
        "--b",
        "--",
        "A: b",
        ":",
        " ",
        "\t",
        "x",
        "\xe9",
        "\r",
        "\0",
        "Content-Type: multipart/x; boundary=b",
      ),
    );
    fc.assert(
      fc.property(noise, (pieces) => {
        const mail = bytes(pieces.join(""));
        try {
          expect(latin(rebuildMail(shrinkMail(mail)))).toBe(kept(mail));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          expect(error).toMatchObject({ code: "EST_PROTOCOL_MAIL" });
        }
      }),
      { numRuns: FUZZ_CASES },
    );
  });
});

describe("any payload", () => {
  it("is rebuilt to a clean mail or refused with a protocol error", () => {
    const start = fc.tuple(fc.array(field, { maxLength: 8 }), part).map(([header, sample]) => {
      const written = writePart(sample);
      return shrinkMail(mailBytes({ header: [...header, ...written.header], body: written.body }));
    });
    const edit = fc.record({
      at: fc.nat(),
      byte: fc.nat({ max: 255 }),
      how: fc.constantFrom("set", "cut", "put"),
    });
    fc.assert(
      fc.property(
        fc.oneof(start, fc.uint8Array({ maxLength: 200 })),
        fc.array(edit, { maxLength: 4 }),
        (payload, edits) => {
          const changed = [...payload];
          for (const { at, byte, how } of edits) {
            const index = at % (changed.length + 1);
            if (how === "put") changed.splice(index, 0, byte);
            else if (how === "cut") changed.splice(index, 1 + (byte % 8));
            else changed[index] = byte;
          }
          try {
            const mail = rebuildMail(Uint8Array.from(changed));
            expect(latin(mail)).not.toMatch(/\r(?!\n)|(?<!\r)\n|\0/);
            expect(mail.length).toBeLessThan(changed.length * 3 + 70_000);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
      { numRuns: FUZZ_CASES },
    );
  });
});
