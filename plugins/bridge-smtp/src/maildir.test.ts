import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryCore } from "@estafette/conformance";
import type { Delivery, DeliveryResult } from "@estafette/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "estafette-maildir-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const text = "From: ben@shore.example\r\nSubject: x\r\n\r\nHello.\r\n";

async function deliver(about: Partial<Delivery>): Promise<DeliveryResult> {
  const config = plugin.parse({ domains: ["ship.example"], mailbox: { maildir: folder } });
  const delivery: Delivery = {
    deliveryId: "4F2K-M2QX",
    kind: "mailbox",
    from: "ben@shore.example",
    to: ["anna@ship.example"],
    rfc5322: new TextEncoder().encode(text),
    possibleDuplicate: false,
    ...about,
  };
  return await plugin.create(config, new MemoryCore()).deliver(delivery, new AbortController().signal);
}

function files(user: string, part: string): string[] {
  return readdirSync(join(folder, "ship.example", user, part));
}

describe("maildir", () => {
  it("holds the mail, whole and named, once per recipient", async () => {
    const { recipients } = await deliver({ to: ["anna@ship.example", "Ben.B@SHIP.example"] });
    expect(recipients.map((each) => each.outcome)).toEqual(["delivered", "delivered"]);
    for (const user of ["anna", "ben.b"]) {
      const [name = "", ...others] = files(user, "new");
      expect(others).toEqual([]);
      expect(files(user, "tmp")).toEqual([]);
      const mail = readFileSync(join(folder, "ship.example", user, "new", name), "utf8");
      expect(mail).toBe(`X-Estafette-Id: 4F2K-M2QX\r\n${text}`);
    }
  });

  it("finds a repeat, also when it was read meanwhile or half written before", async () => {
    await deliver({});
    await deliver({ possibleDuplicate: true });
    const [name = ""] = files("anna", "new");
    expect(files("anna", "new")).toHaveLength(1);
    const box = join(folder, "ship.example", "anna");
    renameSync(join(box, "new", name), join(box, "cur", `${name}:2,S`));
    writeFileSync(join(box, "tmp", name), "half");
    const { recipients } = await deliver({ possibleDuplicate: true });
    expect(recipients).toMatchObject([{ outcome: "delivered", detail: "already in the mailbox" }]);
    expect(files("anna", "new")).toEqual([]);
    await deliver({ deliveryId: "4F2K-M2QY" });
    expect(files("anna", "new")).toHaveLength(1);
  });

  it("replaces what a power cut left half written", async () => {
    await deliver({});
    const box = join(folder, "ship.example", "anna");
    const [name = ""] = files("anna", "new");
    rmSync(join(box, "new", name));
    writeFileSync(join(box, "tmp", name), "half");
    await deliver({});
    expect(readFileSync(join(box, "new", name), "utf8")).toContain("Hello.");
    expect(files("anna", "tmp")).toEqual([]);
  });

  it("never leaves its folder", async () => {
    const to = [
      "../../x@ship.example",
      "a/b@ship.example",
      "a/../b@ship.example",
      "~@ship.example",
      "`id`@ship.example",
    ];
    const { recipients } = await deliver({ to });
    expect(recipients.map((each) => each.outcome)).toEqual([
      "refused",
      "delivered",
      "refused",
      "delivered",
      "delivered",
    ]);
    expect(readdirSync(folder)).toEqual(["ship.example"]);
    expect(readdirSync(join(folder, "ship.example")).sort()).toEqual(["%60id%60", "%7e", "a%2fb"]);
  });

  it("tries again later when the folder cannot be written", async () => {
    writeFileSync(join(folder, "ship.example"), "not a folder");
    const { recipients } = await deliver({});
    expect(recipients).toMatchObject([{ outcome: "deferred" }]);
  });
});
