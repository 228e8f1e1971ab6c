import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, formatKey, parseConfig } from "@estafette/config";
import { ConfigError } from "@estafette/contract";
import { createIdentity } from "@estafette/protocol";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeInvitation, readInvitation } from "./invitation.js";
import { PeerBook } from "./peer-book.js";

const shore = createIdentity(new Uint8Array(32).fill(1));
const other = createIdentity(new Uint8Array(32).fill(2));
const own = createIdentity(new Uint8Array(32).fill(3));
const text = makeInvitation(shore, { name: "shore", domains: ["shore.example", "office.example"] });

describe("an invitation", () => {
  it("is one string that says name, key and domains", () => {
    expect(text).toMatch(/^estafette-peer:[A-Za-z0-9_-]{100,300}$/);
    const read = readInvitation(text);
    expect(read).toEqual({
      name: "shore",
      root: shore.keys.root,
      domains: ["shore.example", "office.example"],
    });
  });

  it("may be wrapped and indented on its way", () => {
    const wrapped = ` ${text.slice(0, 40)}\r\n   ${text.slice(40, 90)}\n${text.slice(90)}\n`;
    expect(readInvitation(wrapped).name).toBe("shore");
  });

  it("is refused after any change of one bit", () => {
    const bytes = Buffer.from(text.slice("estafette-peer:".length), "base64url");
    let refused = 0;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => readInvitation(`estafette-peer:${changed.toString("base64url")}`)).toThrow(ConfigError);
      refused++;
    }
    expect(refused).toBe(bytes.length * 8);
  });

  it("signed by another key is refused", () => {
    const theirs = Buffer.from(text.slice("estafette-peer:".length), "base64url");
    const ours = Buffer.from(makeInvitation(other, { name: "shore", domains: [] }).slice(15), "base64url");
    const mixed = Buffer.concat([theirs.subarray(0, -64), ours.subarray(-64)]);
    expect(() => readInvitation(`estafette-peer:${mixed.toString("base64url")}`)).toThrow("damaged");
  });

  it("of any shape gives an invitation or a ConfigError", () => {
    const cases = Number(process.env.FUZZ_CASES ?? 2_000);
    const bytes = Buffer.from(text.slice("estafette-peer:".length), "base64url");
    const cut = fc
      .tuple(fc.nat(bytes.length), fc.nat(bytes.length), fc.uint8Array({ maxLength: 40 }))
      .map(([a, b, c]) => {
        return `estafette-peer:${Buffer.concat([bytes.subarray(0, a), c, bytes.subarray(b)]).toString("base64url")}`;
      });
    const noise = fc
      .uint8Array({ maxLength: 300 })
      .map((b) => `estafette-peer:${Buffer.from(b).toString("base64url")}`);
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(cut, noise, fc.string({ maxLength: 100 })), (input) => {
        try {
          readInvitation(input);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          refused++;
        }
      }),
      { numRuns: cases },
    );
    expect(refused).toBeGreaterThan(cases / 2);
  });
});

describe("the peer book", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "estafette-peers-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const configOf = (peers: string): Config =>
    parseConfig(
      `version: 1\nnode: {name: aurora, mail_domain: aurora.example}\npeers: ${peers}\nlinks:\n  hf: {driver: tcp}\n  lan: {driver: tcp, peers: []}\n`,
      "e.yaml",
      { secrets: () => null },
    );
  const invitation = readInvitation(text);
  const plain = { invitation, name: null, links: null, exit: false };

  it("keeps an accepted peer, private and durable", async () => {
    const config = configOf("{}");
    const book = await PeerBook.open(config, folder);
    await book.accept({ ...plain, exit: true }, own.keys.root);
    expect((await stat(join(folder, "peers.json"))).mode & 0o777).toBe(0o600);
    const again = await PeerBook.open(config, folder);
    expect(again.peers()).toEqual([
      {
        name: "shore",
        root: shore.keys.root,
        domains: ["shore.example", "office.example"],
        links: ["hf", "lan"],
        exitFrom: ["@shore.example", "@office.example"],
        transit: true,
      },
    ]);
  });

  it("fills what the configuration leaves open, and no more", async () => {
    const book = await PeerBook.open(configOf("{base: {links: [hf], domains: [base.example]}}"), folder);
    expect(book.awaited()).toEqual(["base"]);
    expect(book.peers()).toEqual([]);
    await book.accept({ ...plain, name: "base", links: [] }, own.keys.root);
    expect(book.awaited()).toEqual([]);
    expect(book.peers()).toEqual([
      {
        name: "base",
        root: shore.keys.root,
        domains: ["base.example"],
        links: ["hf"],
        exitFrom: [],
        transit: true,
      },
    ]);
  });

  it("keeps the name of a gateway that is known already", async () => {
    const book = await PeerBook.open(configOf(`{base: {key: ${formatKey(shore.keys.root)}}}`), folder);
    expect(await book.accept(plain, own.keys.root)).toMatchObject({ name: "base" });
    expect(book.peers()).toHaveLength(1);
  });

  it.each([
    ["its own invitation", "{}", {}, shore.keys.root, "this very gateway"],
    ["the name of this gateway", "{}", { name: "aurora" }, own.keys.root, "the name of this gateway"],
    [
      "another key for a known name",
      `{shore: {key: ${formatKey(other.keys.root)}}}`,
      {},
      own.keys.root,
      "known with another key",
    ],
    [
      "a domain of somebody else",
      `{x: {key: ${formatKey(other.keys.root)}, domains: [shore.example]}}`,
      {},
      own.keys.root,
      "already belongs",
    ],
    ["an unknown link", "{}", { links: ["sat"] }, own.keys.root, 'no link "sat"'],
  ])("refuses %s", async (_title, peers, changes, root, message) => {
    const book = await PeerBook.open(configOf(peers), folder);
    await expect(book.accept({ ...plain, ...changes }, root)).rejects.toThrow(message);
    await expect(stat(join(folder, "peers.json"))).rejects.toThrow("ENOENT");
  });

  it("refuses a claim on a domain of this gateway", async () => {
    const claim = readInvitation(makeInvitation(other, { name: "thief", domains: ["aurora.example"] }));
    const book = await PeerBook.open(configOf("{}"), folder);
    await expect(book.accept({ ...plain, invitation: claim }, own.keys.root)).rejects.toThrow(
      "claims a mail domain",
    );
  });

  it.each([
    "",
    "{",
    "[]",
    '{"peers":[{}]}',
    '{"peers":[{"name":"a","key":"x","domains":[],"links":[],"exit":false}]}',
  ])("stops at a damaged file (%#)", async (content) => {
    await writeFile(join(folder, "peers.json"), content);
    await expect(PeerBook.open(configOf("{}"), folder)).rejects.toMatchObject({ code: "EST_CONFIG_VALUE" });
    expect(await readFile(join(folder, "peers.json"), "utf8")).toBe(content);
  });
});
