import { describe, expect, it } from "vitest";
import { composeMail } from "./compose.js";

describe("composing a mail", () => {
  const parts = {
    clock: {
      monotonicMs: () => 0,
      bootId: () => "",
      unixMs: () => Date.UTC(2026, 10, 21, 12, 0, 0),
      trust: () => "trusted" as const,
      timer: () => () => {},
    },
    rng: { bytes: (n: number) => new Uint8Array(n).fill(7) },
  };
  const typed = {
    from: "a@x.example",
    to: ["b@y.example", "c@y.example"],
    subject: "Hi",
    text: "one\ntwo\r\nthree",
  };
  const compose = (changes: Partial<typeof typed>): string =>
    Buffer.from(composeMail({ ...typed, ...changes }, parts)).toString("utf8");

  it("has the headers of RFC 5322, CRLF and nothing more", () => {
    expect(compose({})).toBe(
      [
        "From: a@x.example",
        "To: b@y.example,",
        " c@y.example",
        "Subject: Hi",
        "Date: Sat, 21 Nov 2026 12:00:00 +0000",
        `Message-ID: <${Buffer.alloc(12, 7).toString("base64url")}@x.example>`,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        "",
        "one",
        "two",
        "three",
        "",
      ].join("\r\n"),
    );
  });

  it("writes long lines as base64 and long subjects as words", () => {
    const mail = compose({ text: "ü".repeat(2_000), subject: "ü".repeat(100) });
    expect(mail).toContain("Content-Transfer-Encoding: base64");
    expect(mail.split("\r\n").every((line) => line.length <= 78)).toBe(true);
    const body = mail.slice(mail.indexOf("\r\n\r\n") + 4).replaceAll("\r\n", "");
    expect(Buffer.from(body, "base64").toString("utf8")).toBe(`${"ü".repeat(2_000)}\r\n`);
    const words = [...mail.matchAll(/=\?utf-8\?B\?([^?]+)\?=/g)].map((m) =>
      Buffer.from(m[1]!, "base64").toString("utf8"),
    );
    expect(words.join("")).toBe("ü".repeat(100));
  });

  it("says nothing about the date while the clock is wrong", () => {
    const untrusted = { ...parts, clock: { ...parts.clock, trust: () => "untrusted" as const } };
    expect(Buffer.from(composeMail(typed, untrusted)).toString()).not.toContain("Date:");
  });
});
