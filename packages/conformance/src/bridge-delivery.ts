import type { RecipientResult } from "@estafette/contract";
import { expect, it } from "vitest";
import { deliveryOf, type Start } from "./bridge.js";
import { oddAddresses } from "./bridge-attacks.js";
import { seededRng } from "./seeded-rng.js";

const never = new AbortController().signal;

/** What goes out: to the mail store, to the internet. Bridges that deliver neither pass by not offering it. */
export function describeDelivery(start: Start): void {
  describeVerdicts(start);
  describeBytes(start);
}

function outcomes(results: readonly RecipientResult[]): string[] {
  return results.map((result) => result.outcome);
}

function describeVerdicts(start: Start): void {
  const three = ["a@ship.example", "b@ship.example", "c@ship.example"];

  it.each(["mailbox", "internet"] as const)("gives one verdict per recipient: %s", async (kind) => {
    const running = await start();
    if (!running.bridge.delivers.includes(kind)) return;
    const server = kind === "mailbox" ? running.mailboxServer : running.internetServer;
    server.atRcpt.set("b@ship.example", "450 4.2.1 Mailbox busy");
    server.atRcpt.set("c@ship.example", "550 5.1.1 No such user");
    const { recipients } = await running.bridge.deliver(deliveryOf({ kind, to: three }), never);
    expect(outcomes(recipients)).toEqual(["delivered", "deferred", "refused"]);
    expect(recipients[2]).toMatchObject({ status: "5.1.1" });
    expect(server.mails.flatMap((mail) => mail.to)).toEqual(["a@ship.example"]);
  });

  it("believes an LMTP server that answers each recipient after the data", async () => {
    const running = await start();
    if (running.mailbox !== "lmtp") return;
    running.mailboxServer.atEnd.set("a@ship.example", "552 5.2.2 Over quota");
    running.mailboxServer.atEnd.set("c@ship.example", "451 4.2.0 Later");
    const { recipients } = await running.bridge.deliver(deliveryOf({ to: three }), never);
    expect(outcomes(recipients)).toEqual(["refused", "delivered", "deferred"]);
    expect(recipients[0]).toMatchObject({ status: "5.2.2" });
  });

  it("is in doubt about one recipient only when an LMTP server vanishes between its answers", async () => {
    const running = await start();
    if (running.mailbox !== "lmtp") return;
    running.mailboxServer.vanishFor = "b@ship.example";
    const { recipients } = await running.bridge.deliver(deliveryOf({ to: three }), never);
    expect(outcomes(recipients)).toEqual(["delivered", "deferred", "deferred"]);
  });

  it.each(["451 4.3.0 Later", "554 5.7.1 Never"])(
    "passes on the server's answer to the data: %s",
    async (reply) => {
      const running = await start();
      if (!running.bridge.delivers.includes("internet")) return;
      running.internetServer.endReply = reply;
      const { recipients } = await running.bridge.deliver(deliveryOf({ kind: "internet" }), never);
      expect(outcomes(recipients)).toEqual([reply.startsWith("4") ? "deferred" : "refused"]);
      expect(running.internetServer.mails).toEqual([]);
    },
  );

  it.each(["EHLO", "MAIL", "RCPT", "DATA", "."])(
    "tries again later when the server vanishes at %s",
    async (step) => {
      const running = await start();
      if (!running.bridge.delivers.includes("internet")) return;
      running.internetServer.vanishAt = step;
      const { recipients } = await running.bridge.deliver(deliveryOf({ kind: "internet" }), never);
      expect(outcomes(recipients)).toEqual(["deferred"]);
      running.internetServer.vanishAt = "";
      const again = await running.bridge.deliver(
        deliveryOf({ kind: "internet", possibleDuplicate: true }),
        never,
      );
      expect(outcomes(again.recipients)).toEqual(["delivered"]);
      expect(running.internetServer.mails).toHaveLength(1);
      expect(running.internetServer.mails[0]?.data).toMatch(/^X-Estafette-Possible-Duplicate: yes\r$/m);
    },
  );

  it("tries again later when nobody listens, and when it is told to stop", async () => {
    const running = await start();
    for (const kind of running.bridge.delivers) {
      running.mailboxServer.close();
      running.internetServer.close();
      const { recipients } = await running.bridge.deliver(deliveryOf({ kind }), never);
      if (kind === "internet" || running.mailbox !== undefined)
        expect(outcomes(recipients)).toEqual(["deferred"]);
      const stopped = await running.bridge.deliver(deliveryOf({ kind }), AbortSignal.abort());
      expect(stopped.recipients).toHaveLength(1);
    }
  });
}

function describeBytes(start: Start): void {
  it("hands over exactly the bytes, dots and all, and names the message", async () => {
    const running = await start();
    if (!running.bridge.delivers.includes("internet")) return;
    const rng = seededRng(7);
    for (let round = 0; round < 20; round++) {
      const noise = Array.from(rng.bytes(400), (b) =>
        b % 7 === 0 ? "\r\n." : String.fromCharCode(32 + (b % 200)),
      );
      const text = `From: ben@shore.example\r\nSubject: x\r\n\r\n.\r\n..\r\n${noise.join("")}\r\n`;
      const rfc5322 = new Uint8Array(Buffer.from(text, "latin1"));
      await running.bridge.deliver(deliveryOf({ kind: "internet", from: "", rfc5322 }), never);
      const mail = running.internetServer.mails.at(-1);
      expect(mail?.from).toBe("");
      expect(mail?.data.endsWith(text)).toBe(true);
      expect(mail?.data).toMatch(/^X-Estafette-Id: K3J7-0001\r$/m);
    }
    expect(running.internetServer.unexpected).toEqual([]);
  });

  it("writes to no address that is not one", async () => {
    const running = await start();
    const evil = [
      ...oddAddresses,
      "a@x.example\r\nRCPT TO:<evil@y.example>",
      "a@x.example>\r\nDATA\r\n",
      "\0",
    ];
    for (const kind of running.bridge.delivers) {
      const asRecipient = await running.bridge.deliver(deliveryOf({ kind, to: evil }), never);
      expect(new Set(outcomes(asRecipient.recipients))).toEqual(new Set(["refused"]));
      if (kind === "mailbox" && running.mailbox === undefined) continue;
      for (const from of evil) {
        const { recipients } = await running.bridge.deliver(deliveryOf({ kind, from }), never);
        expect(outcomes(recipients), from).toEqual(["refused"]);
      }
    }
    expect([...running.mailboxServer.mails, ...running.internetServer.mails]).toEqual([]);
    expect([...running.mailboxServer.unexpected, ...running.internetServer.unexpected]).toEqual([]);
  });
}
