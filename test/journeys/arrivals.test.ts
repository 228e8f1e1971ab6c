import { describe, expect, it } from "vitest";
import { broken, type Mailboxes, type Promised } from "./arrivals.js";
import type { Letter } from "./letters.js";

const anna = "anna@aurora.example";
const ada = "ada@shore.example";
const bob = "bob@shore.example";

function mail(
  more: { readonly id?: string; readonly messageId?: string; readonly body?: string } = {},
): Buffer {
  const { id = "AAAA-0001.0a", messageId = "<1@aurora.example>", body = "All well.\r\n" } = more;
  const head = [
    `Return-Path: <${anna}>`,
    `X-Estafette-Id: ${id}`,
    `From: <${anna}>`,
    `To: <${ada}>`,
    `Message-ID: ${messageId}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const letter: Letter = {
  by: "nodemailer",
  from: anna,
  to: [ada],
  messageId: "<1@aurora.example>",
  marker: "zyx1",
  raw: mail(),
};
const promised = (doubts = 0): readonly Promised[] => [
  { letter, handedIn: { ids: ["AAAA-0001"], doubts, attempts: doubts + 1 } },
];
const inboxes = (adas: readonly Buffer[], bobs: readonly Buffer[] = []): Mailboxes =>
  new Map([
    [ada, adas],
    [bob, bobs],
  ]);

describe("the checker of arrivals", () => {
  it("has nothing to say when the one copy is where it belongs", () => {
    expect(broken(promised(), inboxes([mail()]), true)).toEqual([]);
  });

  it("allows one more message for a session that broke, and no more", () => {
    const again = mail({ id: "AAAA-0002.0a" });
    expect(broken(promised(1), inboxes([mail(), again]), true)).toEqual([]);
    expect(broken(promised(0), inboxes([mail(), again]), true)).toHaveLength(1);
    expect(broken(promised(1), inboxes([mail(), again, mail({ id: "AAAA-0003.0a" })]), true)).toHaveLength(1);
  });

  it.each([
    ["lost", inboxes([]), /^zyx1 for ada@shore/],
    ["twice under one id", inboxes([mail(), mail()]), /twice for ada/],
    [
      "there, but not under the id that was promised",
      inboxes([mail({ id: "AAAA-0009.0a" })]),
      /0 times in ada/,
    ],
    ["in a mailbox it was not written to", inboxes([mail()], [mail()]), /wrong mailbox bob/],
    ["altered in its body", inboxes([mail({ body: "All  well.\r\n" })]), /altered: bodies differ at byte 4/],
    ["nobody's", inboxes([mail(), mail({ id: "AAAA-0004.0a", messageId: "<2@x>" })]), /nobody wrote this/],
    ["without an id", inboxes([mail({ id: "" })]), /without X-Estafette-Id/],
  ])("finds a mail that is %s", (_, mailboxes, said) => {
    expect(broken(promised(1), mailboxes, true).join("\n")).toMatch(said);
  });

  it("finds a changed header field", () => {
    const altered = Buffer.from(mail().toString().replace(`To: <${ada}>`, `To: <${ada}>, <${bob}>`));
    expect(broken(promised(), inboxes([altered]), true).join("\n")).toMatch(/altered: fields sent/);
  });
});
