import { ProtocolError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countHops, headerValues, readMail, rebuildMail, shrinkMail } from "./index.js";

const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2_000);
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
const refused = expect.objectContaining({ code: "EST_PROTOCOL_MAIL" });

function nest(depth: number): string {
  let body = "x";
  for (let i = depth; i > 0; i--) {
    body = `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n${body}\r\n--b${i}--\r\n`;
  }
  return body;
}

describe("readMail", () => {
  it("reads fields as they stand and unfolds their values", () => {
    const mail = readMail(bytes("From: a\r\nSubject: one\r\n two\r\nX:\r\n\r\nbody\r\n"));
    expect(mail.fields).toEqual([
      { name: "From", raw: " a" },
      { name: "Subject", raw: " one\r\n two" },
      { name: "X", raw: "" },
    ]);
    expect(headerValues(mail, "SUBJECT")).toEqual(["one two"]);
    expect(Buffer.from(mail.body ?? []).toString()).toBe("body\r\n");
  });

  it.each([
    "a: b\n\r\nx",
    "a: b\r\n\r\nx\ny",
    "a: b\r\n\r\nx\ry",
    "a: b\r\n\r\nx\r",
    "a: b\r\n\r\n\0",
    "\n",
    "\r\r\n",
  ])("refuses bare line ends and NUL: %j", (text) => {
    expect(() => readMail(bytes(text))).toThrow(refused);
    expect(() => shrinkMail(bytes(text))).toThrow(refused);
  });

  it.each([
    "no colon\r\n\r\n",
    ": x\r\n\r\n",
    " folded: first\r\n\r\n",
    "a b: c\r\n\r\n",
    "\xe9: c\r\n\r\n",
    "From a@b Mon\r\n",
  ])("refuses a header line without a name: %j", (text) => {
    expect(() => readMail(bytes(text))).toThrow(refused);
  });

  it("holds its bounds exactly", () => {
    const lines = (count: number): Uint8Array => bytes(`${"A: b\r\n".repeat(count)}\r\nx`);
    expect(readMail(lines(1_000)).fields).toHaveLength(1_000);
    expect(() => readMail(lines(1_001))).toThrow(refused);
    expect(() => readMail(bytes(`A: ${"x".repeat(65_531)}\r\n\r\n`))).not.toThrow();
    expect(() => readMail(bytes(`A: ${"x".repeat(65_532)}\r\n\r\n`))).toThrow(refused);
    expect(() => readMail(bytes(`A: b\r\n${" c\r\n".repeat(1_000)}\r\n`))).toThrow(refused);
  });

  it("refuses MIME bombs and nothing below them", () => {
    const parts = (count: number): Uint8Array => {
      return bytes(
        `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(count)}--b--\r\n`,
      );
    };
    expect(() => shrinkMail(parts(100))).not.toThrow();
    expect(() => shrinkMail(parts(101))).toThrow(refused);
    expect(() => shrinkMail(parts(100_000))).toThrow(refused);
    expect(() => shrinkMail(bytes(nest(16)))).not.toThrow();
    expect(() => shrinkMail(bytes(nest(17)))).toThrow(refused);
  });

  it("takes time in proportion to the mail, whatever it holds", () => {
    const million = 1_000_000;
    const shapes = [
      "\r\n".repeat(million / 2),
      "--b\r\n".repeat(million / 5),
      "-".repeat(million),
      "a ".repeat(million / 2),
      "a\r\n".repeat(million / 3),
      "QUJD\r\n".repeat(million / 6),
      "\x01\r\n".repeat(million / 3),
    ];
    for (const body of shapes) {
      const kinds = ["text/plain", "multipart/mixed; boundary=b", "multipart/mixed; boundary=zz"];
      for (const kind of kinds) {
        const mail = bytes(`Content-Type: ${kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n`);
        const started = process.cpuUsage();
        try {
          rebuildMail(shrinkMail(mail));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
        expect(process.cpuUsage(started).user / 1_000).toBeLessThan(2_000);
      }
    }
  });

  it("reads any header or refuses it, and never invents a field", () => {
    const piece = fc.constantFrom(
      "A",
      ":",
      " ",
      "\t",
      "\r\n",
      "\r\n\r\n",
      "b",
      "From",
      "\r",
      "\n",
      "\0",
      "\xff",
      "=?utf-8?b?",
      "?=",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const text = pieces.join("");
        try {
          const { fields, body } = readMail(bytes(text));
          const again = fields.map(({ name, raw }) => `${name}:${raw}\r\n`).join("");
          const whole = again + (body === null ? "" : `\r\n${Buffer.from(body).toString("latin1")}`);
          expect([text, `${text}\r\n`]).toContain(whole);
        } catch (error) {
          expect(error).toEqual(refused);
        }
      }),
      { numRuns: FUZZ_CASES },
    );
  });
});

describe("countHops", () => {
  const mail = (lines: string[]) => readMail(bytes(`${lines.map((line) => `${line}\r\n`).join("")}\r\nx`));
  const own = "X-Estafette-Trace: ship.example";

  it("lets a mailing list bring a mail back once, not twice", () => {
    expect(countHops(mail([own]), "SHIP.example")).toEqual({ received: 0, ownTraces: 1, loops: false });
    expect(countHops(mail([own, own]), "ship.example").loops).toBe(true);
    expect(countHops(mail([own, own]), "other.example").loops).toBe(false);
  });

  it("counts Received lines and traces of all gateways", () => {
    const received = (count: number) => Array.from({ length: count }, (_, i) => `Received: by h${i}`);
    expect(countHops(mail(received(30)), "ship.example")).toMatchObject({ received: 30, loops: false });
    expect(countHops(mail(received(31)), "ship.example").loops).toBe(true);
    const traces = Array.from({ length: 31 }, (_, i) => `X-Estafette-Trace: g${i}.example`);
    expect(countHops(mail(traces), "ship.example").loops).toBe(true);
  });

  it("survives the network: the trace is carried", () => {
    const carried = rebuildMail(shrinkMail(bytes(`${own}\r\n${own}\r\n\r\nx`)));
    expect(countHops(readMail(carried), "ship.example").loops).toBe(true);
  });
});
