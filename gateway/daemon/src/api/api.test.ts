import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey, parseConfig } from "@estafette/config";
import { createIdentity, formatAddress } from "@estafette/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gateway, startGateway } from "../gateway.js";
import { makeInvitation } from "../invitation.js";

const shore = createIdentity(new Uint8Array(32).fill(1));
let folder = "";
let gateway: Gateway;

const CONFIG = `version: 1
node: {name: aurora, mail_domain: aurora.example}
state: {directory: state, quota: 64 MB}
peers:
  base: {key: ${formatKey(shore.keys.root)}, domains: [base.example], links: [lan]}
  later: {}
links:
  lan: {driver: tcp, peer: base, connect: "127.0.0.1:1"}
mail:
  submission: {listen: "127.0.0.1:0", tls: none}
  mailbox: {maildir: "mail/{user}"}
  size_max: 100 kB
users:
  anna: {password: !secret anna}
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "estafette-api-"));
  const config = parseConfig(CONFIG, join(folder, "estafette.yaml"), { secrets: () => "pw" });
  gateway = await startGateway({ config, log: () => {} });
});
afterAll(async () => {
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(
  method: string,
  path: string,
  body?: string | Buffer,
  type = "application/json",
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": type };
    const call = request({ socketPath: gateway.socket, method, path, headers }, async (response) => {
      let text = "";
      for await (const chunk of response) text += String(chunk);
      resolve({
        status: response.statusCode ?? 0,
        body: JSON.parse(text || "{}"),
        headers: response.headers,
      });
    });
    call.once("error", reject);
    call.end(body);
  });
}

const send = (fields: unknown): Promise<Reply> => ask("POST", "/v1/send", JSON.stringify(fields));

/** What `look` gives, as soon as it gives something. */
async function soon<T>(look: () => Promise<T | null | undefined>): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const value = await look();
    if (value !== null && value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("waited in vain");
}

describe("the socket", () => {
  it("is its owner's alone", async () => {
    expect((await stat(gateway.socket)).mode & 0o777).toBe(0o600);
  });

  it("is not shared with a second gateway of the same state", async () => {
    const config = parseConfig(CONFIG, join(folder, "estafette.yaml"), { secrets: () => "pw" });
    await expect(startGateway({ config, log: () => {} })).rejects.toMatchObject({
      code: "EST_OPERATING_LOCKED",
    });
    expect((await ask("GET", "/v1/status")).status).toBe(200);
  });

  it("refuses a path that is too long for the system", async () => {
    const long = CONFIG.replace("state: {", `api: {socket: ${"x".repeat(120)}}\nstate: {`).replace(
      "directory: state",
      "directory: other",
    );
    const config = parseConfig(long, join(folder, "estafette.yaml"), { secrets: () => "pw" });
    await expect(startGateway({ config, log: () => {} })).rejects.toThrow("too long");
  });
});

describe("looking", () => {
  it("GET /v1/status", async () => {
    const { status, body } = await ask("GET", "/v1/status");
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: "aurora", domains: ["aurora.example"], links: [{ name: "lan" }] });
    expect(body.address).toBe(gateway.address);
  });

  it("GET /v1/peers shows known and awaited ones", async () => {
    const { body } = await ask("GET", "/v1/peers");
    expect(body.peers).toMatchObject([
      { name: "base", state: "known", key: formatKey(shore.keys.root) },
      { name: "later", state: "awaiting its invitation" },
    ]);
  });

  it("a message that waits can be listed, traced, read and deleted", async () => {
    const sent = await send({ to: ["x@base.example"], subject: "Grüße", text: "héllo\nworld" });
    expect(sent.status).toBe(202);
    const id = String(sent.body.id);
    expect(id).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    const queue = await ask("GET", "/v1/queue?limit=5");
    expect(queue.body.messages).toMatchObject([
      { id, from: "anna@aurora.example", to: ["x@base.example"], end: null },
    ]);
    const list = await ask("GET", "/v1/mail");
    expect(list.body.mail).toMatchObject([{ id, direction: "out" }]);
    const mail = await ask("GET", `/v1/mail/${id}`);
    const text = Buffer.from(String(mail.body.rfc5322_base64), "base64").toString("utf8");
    expect(text).toContain("héllo\r\nworld");
    expect(text).toContain("Subject: =?utf-8?B?");
    expect((await ask("GET", `/v1/messages/${id}`)).body.entries).toMatchObject([
      { what: "message" },
      { what: "leg" },
    ]);
    expect((await ask("DELETE", `/v1/messages/${id}`)).body).toEqual({ removed: 1 });
    expect((await ask("DELETE", `/v1/messages/${id}`)).status).toBe(404);
  });

  it("mail between users of this gateway lands in the maildir, and events tell it live", async () => {
    const seen: string[] = [];
    const stream = request({ socketPath: gateway.socket, path: "/v1/events" }, (response) => {
      response.on("data", (chunk) => seen.push(...String(chunk).trim().split("\n")));
      response.on("error", () => {});
    });
    stream.on("error", () => {});
    stream.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const mail = "From: anna@aurora.example\r\nTo: anna@aurora.example\r\nSubject: raw\r\n\r\nas it is\r\n";
    const path = "/v1/send?from=anna@aurora.example&to=anna@aurora.example&class=priority";
    const { status } = await ask("POST", path, mail, "message/rfc822");
    expect(status).toBe(202);
    const box = join(folder, "mail", "anna", "new");
    const [file] = await soon(async () => {
      const files = await readdir(box).catch(() => []);
      return files.length > 0 ? files : null;
    });
    expect(await readFile(join(box, file!), "utf8")).toContain("\r\n\r\nas it is\r\n");
    await soon(async () => seen.find((line) => line.includes('"type":"delivered"')));
    stream.destroy();
    const accepted = JSON.parse(seen.find((line) => line.includes('"type":"accepted"'))!) as Record<
      string,
      unknown
    >;
    expect(accepted).toMatchObject({ class: "priority", submission_id: expect.any(String) });
  });
});

describe("asking before sending", () => {
  it("GET /v1/route names the ways to an address, a peer or a node, and the reason", async () => {
    for (const to of ["x@base.example", "base", formatAddress(shore.address)]) {
      const { status, body } = await ask("GET", `/v1/route?to=${to}&bytes=12000&class=flash`);
      expect([to, status]).toEqual([to, 200]);
      expect(body).toMatchObject({
        by: "peer",
        destination: "base",
        bytes: 12_000,
        class: "flash",
        deadline_ms: 60_000,
        why: "destination, waits for this link, the only link there",
        ways: [
          {
            neighbour: "base",
            link: "lan",
            cost: 0,
            eta_ms: null,
            basis: "unknown",
            meets_deadline: false,
            chosen: true,
          },
        ],
      });
    }
    const here = await ask("GET", "/v1/route?to=anna@aurora.example");
    expect(here.body).toMatchObject({ by: "here", class: "normal", ways: [] });
  });

  it.each([
    ["to=x@elsewhere.example", 422, "no-route"],
    ["to=nobody", 422, "no-route"],
    ["to=eve@aurora.example", 404, "unknown-user"],
    ["bytes=5", 422, "malformed"],
    ["to=base&bytes=0", 422, "malformed"],
    ["to=base&bytes=1e99", 422, "malformed"],
    ["to=base&class=constructor", 422, "malformed"],
    [`to=${"x".repeat(255)}`, 422, "malformed"],
  ])("GET /v1/route?%s", async (query, status, code) => {
    expect(await ask("GET", `/v1/route?${query}`)).toMatchObject({ status, body: { code } });
  });

  const large = { to: ["x@base.example", "anna@aurora.example"], text: "All well on board.\n".repeat(500) };
  const estimate = (fields: unknown): Promise<Reply> => ask("POST", "/v1/estimate", JSON.stringify(fields));

  it("POST /v1/estimate weighs a message and keeps nothing", async () => {
    const before = await ask("GET", "/v1/queue");
    const { status, body } = await estimate(large);
    expect(status).toBe(200);
    const parts = body.parts as { body_bytes: number; envelope_bytes: number; air_bytes: number }[];
    expect(parts).toMatchObject([
      { to: ["x@base.example"], route: { by: "peer", ways: [{ link: "lan" }] } },
      { to: ["anna@aurora.example"], envelope_bytes: 0, air_bytes: 0, route: { by: "here" } },
    ]);
    // Ten kilobytes of one sentence: compressed, and with its head.
    expect(parts[0]?.body_bytes).toBeGreaterThan(9_000);
    expect(parts[0]?.envelope_bytes).toBeGreaterThan(200);
    expect(parts[0]?.envelope_bytes).toBeLessThan(800);
    expect(body.air_bytes).toBe(parts[0]?.air_bytes);
    expect((await ask("GET", "/v1/queue")).body).toEqual(before.body);
    expect(await estimate({ to: ["x@elsewhere.example"], text: "hi" })).toMatchObject({
      status: 422,
      body: { code: "no-route" },
    });
    expect(await estimate({ to: [], text: "hi" })).toMatchObject({ status: 422 });
    const asMail = await estimate({ to: ["x@base.example"], text: "All well here." });
    const asText = await estimate({ to: ["x@base.example"], text: "All well here.", kind: "text" });
    expect(asText.body.air_bytes).toBeLessThan(Number(asMail.body.air_bytes) - 10);
    const mail = "From: anna@aurora.example\r\nSubject: raw\r\n\r\nas it is\r\n";
    expect(await ask("POST", "/v1/estimate?to=x@base.example", mail, "message/rfc822")).toMatchObject({
      status: 200,
    });
  });

  it("the queue and the trace say why a message waits where it does", async () => {
    const { body } = await send({ to: ["x@base.example"], text: "hi" });
    const why =
      "next hop base over lan, 0 attempts: destination, waits for this link, the only link there; nobody knows when";
    const queue = await ask("GET", "/v1/queue");
    expect(queue.body.messages).toContainEqual(expect.objectContaining({ id: body.id, way: why }));
    const trace = await ask("GET", `/v1/messages/${String(body.id)}`);
    expect(trace.body.entries).toContainEqual(expect.objectContaining({ what: "leg", text: why }));
    expect((await ask("DELETE", `/v1/messages/${String(body.id)}`)).status).toBe(200);
  });
});

describe("introducing", () => {
  it("invites, accepts, and knows the peer at once", async () => {
    const invited = await ask("POST", "/v1/peers/invite");
    expect(invited.body).toMatchObject({ name: "aurora", domains: ["aurora.example"] });
    const late = createIdentity(new Uint8Array(32).fill(9));
    const invitation = makeInvitation(late, { name: "later", domains: ["later.example"] });
    const accepted = await ask("POST", "/v1/peers/accept", JSON.stringify({ invitation, links: ["lan"] }));
    expect(accepted).toMatchObject({ status: 200, body: { name: "later", domains: ["later.example"] } });
    expect((await send({ to: ["x@later.example"], text: "hi" })).status).toBe(202);
    const own = await ask(
      "POST",
      "/v1/peers/accept",
      JSON.stringify({ invitation: invited.body.invitation }),
    );
    expect(own).toMatchObject({
      status: 422,
      body: { message: expect.stringContaining("this very gateway") },
    });
  });
});

describe("refusals", () => {
  const good = { to: ["x@base.example"], text: "hi" };
  const other: readonly [string, string, string, string | Buffer | undefined, string, number, string][] = [
    ["unknown path", "GET", "/v1/nothing", undefined, "", 404, "no-such-path"],
    ["root", "GET", "/", undefined, "", 404, "no-such-path"],
    ["escaped dots", "GET", "/v1/messages/%2e%2e%2fstatus", undefined, "", 404, "no-such-path"],
    ["long id", "GET", `/v1/messages/${"A".repeat(65)}`, undefined, "", 404, "no-such-path"],
    ["no id", "GET", "/v1/messages/", undefined, "", 404, "no-such-path"],
    ["unknown message", "GET", "/v1/messages/ABCD-ABCD", undefined, "", 404, "unknown-message"],
    ["unknown mail", "GET", "/v1/mail/ABCD-ABCD", undefined, "", 404, "unknown-message"],
    ["wrong method", "PUT", "/v1/status", undefined, "", 405, "no-such-method"],
    ["deleting status", "DELETE", "/v1/status", undefined, "", 405, "no-such-method"],
    ["a bad limit", "GET", "/v1/queue?limit=0", undefined, "", 422, "malformed"],
    ["a huge limit", "GET", "/v1/queue?limit=1e9", undefined, "", 422, "malformed"],
    ["not JSON", "POST", "/v1/send", "{", "application/json", 400, "malformed"],
    ["not UTF-8", "POST", "/v1/send", Buffer.from("22ff22", "hex"), "application/json", 400, "malformed"],
    [
      "a broken mail",
      "POST",
      "/v1/send?to=x@base.example",
      "no header\n",
      "message/rfc822",
      422,
      "malformed",
    ],
    ["an invitation as text", "POST", "/v1/peers/accept", "x", "text/plain", 415, "media-type"],
    ["no invitation", "POST", "/v1/peers/accept", "{}", "application/json", 422, "malformed"],
  ];
  it.each(other)("%s", async (_title, method, path, body, type, status, code) => {
    const reply = await ask(method, path, body, type);
    expect(reply).toMatchObject({ status, body: { code, message: expect.any(String) } });
    expect(reply.headers["content-type"]).toBe("application/json; charset=utf-8");
    if (status === 405) expect(reply.headers.allow).toBeDefined();
  });

  const mediaTypes = [
    "",
    "text/plain",
    "multipart/form-data",
    "application/json, text/plain",
    "application/json; x=y",
  ];
  it.each(mediaTypes)("POST /v1/send as %j", async (type) => {
    const reply = await ask("POST", "/v1/send", JSON.stringify(good), type);
    expect(reply).toMatchObject({ status: 415, body: { code: "media-type" } });
  });

  it.each([
    ["a list", [], 422, "malformed"],
    ["another kind", { ...good, kind: "picture" }, 422, "malformed"],
    ["a short text with a subject", { ...good, kind: "text", subject: "Hi" }, 422, "malformed"],
    ["a short text of nothing", { ...good, kind: "text", text: "" }, 422, "malformed"],
    ["null", null, 422, "malformed"],
    ["no recipient", { text: "hi" }, 422, "malformed"],
    ["empty recipients", { ...good, to: [] }, 422, "malformed"],
    ["a recipient that is no text", { ...good, to: [{}] }, 422, "malformed"],
    ["a recipient with a route", { ...good, to: ["@a.example:x@b.example"] }, 422, "malformed"],
    ["a header in the recipient", { ...good, to: ["x@y.example\r\nBcc: z"] }, 422, "malformed"],
    ["51 recipients", { ...good, to: Array(51).fill("x@base.example") }, 413, "too-many-recipients"],
    ["no text", { to: good.to }, 422, "malformed"],
    ["NUL in the text", { ...good, text: "a\0b" }, 422, "malformed"],
    ["a header in the subject", { ...good, subject: "a\r\nBcc: z@y.example" }, 422, "malformed"],
    ["an unknown class", { ...good, class: "urgent" }, 422, "malformed"],
    ["a class from the prototype", { ...good, class: "constructor" }, 422, "malformed"],
    ["a short life", { ...good, lifetime_s: 60 }, 422, "malformed"],
    ["a life that is no number", { ...good, lifetime_s: "7d" }, 422, "malformed"],
    ["somebody else as sender", { ...good, from: "eve@base.example" }, 403, "sender-not-owned"],
    ["an unknown user here", { ...good, to: ["eve@aurora.example"] }, 404, "unknown-user"],
    ["nobody's domain", { ...good, to: ["x@elsewhere.example"] }, 422, "no-route"],
    ["too large a mail", { ...good, text: "x".repeat(150_000) }, 413, "too-large"],
    ["too large a request", { ...good, text: "x".repeat(1_100_000) }, 413, "too-large"],
  ])("POST /v1/send with %s", async (_title, fields, status, code) => {
    const reply = await send(fields);
    expect(reply).toMatchObject({ status, body: { code, message: expect.any(String) } });
  });

  it("nothing refused was kept", async () => {
    const { body } = await ask("GET", "/v1/queue");
    expect((body.messages as unknown[]).length).toBeLessThanOrEqual(1);
  });

  it("garbage on the socket ends the connection and nothing else", async () => {
    for (const garbage of ["\0\0\0\0", "GET\r\n\r\n", `GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`]) {
      await new Promise<void>((resolve) => {
        const socket = connect({ path: gateway.socket });
        socket.on("error", () => resolve());
        socket.on("close", () => resolve());
        socket.resume();
        socket.write(garbage);
      });
    }
    expect((await ask("GET", "/v1/status")).status).toBe(200);
  });
});
