import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatKey, parseConfig } from "@estafette/config";
import { createIdentity } from "@estafette/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gateway, startGateway } from "../gateway.js";
import { makeInvitation } from "../invitation.js";
import { composeMail } from "./compose.js";

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
  const json = "application/json";
  const good = { to: ["x@base.example"], text: "hi" };
  const cases: readonly [string, string, string, string | undefined, string, number, string][] = [
    ["unknown path", "GET", "/v1/nothing", undefined, json, 404, "no-such-path"],
    ["root", "GET", "/", undefined, json, 404, "no-such-path"],
    ["dots", "GET", "/v1/messages/../status", undefined, json, 200, ""],
    ["escaped dots", "GET", "/v1/messages/%2e%2e%2fstatus", undefined, json, 404, "no-such-path"],
    ["long id", "GET", `/v1/messages/${"A".repeat(65)}`, undefined, json, 404, "no-such-path"],
    ["no id", "GET", "/v1/messages/", undefined, json, 404, "no-such-path"],
    ["unknown message", "GET", "/v1/messages/ABCD-ABCD", undefined, json, 404, "unknown-message"],
    ["unknown mail", "GET", "/v1/mail/ABCD-ABCD", undefined, json, 404, "unknown-message"],
    ["wrong method", "PUT", "/v1/status", undefined, json, 405, "no-such-method"],
    ["deleting status", "DELETE", "/v1/status", undefined, json, 405, "no-such-method"],
    ["a bad limit", "GET", "/v1/queue?limit=0", undefined, json, 422, "malformed"],
    ["a huge limit", "GET", "/v1/queue?limit=1e9", undefined, json, 422, "malformed"],
    ["no media type", "POST", "/v1/send", JSON.stringify(good), "", 415, "media-type"],
    ["text/plain", "POST", "/v1/send", JSON.stringify(good), "text/plain", 415, "media-type"],
    ["a form", "POST", "/v1/send", "a=b", "application/x-www-form-urlencoded", 415, "media-type"],
    [
      "a tricky media type",
      "POST",
      "/v1/send",
      JSON.stringify(good),
      "application/json, text/plain",
      415,
      "media-type",
    ],
    [
      "a media type with a tail",
      "POST",
      "/v1/send",
      JSON.stringify(good),
      "application/json; x=y",
      415,
      "media-type",
    ],
    ["not JSON", "POST", "/v1/send", "{", json, 400, "malformed"],
    ["not UTF-8", "POST", "/v1/send", "\xff", json, 422, "malformed"],
    ["a list", "POST", "/v1/send", "[]", json, 422, "malformed"],
    ["null", "POST", "/v1/send", "null", json, 422, "malformed"],
    ["no recipient", "POST", "/v1/send", JSON.stringify({ text: "hi" }), json, 422, "malformed"],
    ["empty recipients", "POST", "/v1/send", JSON.stringify({ ...good, to: [] }), json, 422, "malformed"],
    [
      "a recipient that is no text",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, to: [{}] }),
      json,
      422,
      "malformed",
    ],
    [
      "a recipient with a route",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, to: ["@a.example:x@b.example"] }),
      json,
      422,
      "malformed",
    ],
    [
      "a header in the recipient",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, to: ["x@y.example\r\nBcc: z"] }),
      json,
      422,
      "malformed",
    ],
    [
      "51 recipients",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, to: Array(51).fill("x@base.example") }),
      json,
      413,
      "too-many-recipients",
    ],
    ["no text", "POST", "/v1/send", JSON.stringify({ to: good.to }), json, 422, "malformed"],
    [
      "NUL in the text",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, text: "a\u0000b" }),
      json,
      422,
      "malformed",
    ],
    [
      "a header in the subject",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, subject: "a\r\nBcc: z@y.example" }),
      json,
      422,
      "malformed",
    ],
    [
      "an unknown class",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, class: "urgent" }),
      json,
      422,
      "malformed",
    ],
    [
      "a class from the prototype",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, class: "constructor" }),
      json,
      422,
      "malformed",
    ],
    ["a short life", "POST", "/v1/send", JSON.stringify({ ...good, lifetime_s: 60 }), json, 422, "malformed"],
    [
      "a life that is no number",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, lifetime_s: "7d" }),
      json,
      422,
      "malformed",
    ],
    [
      "somebody else as sender",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, from: "eve@base.example" }),
      json,
      403,
      "sender-not-owned",
    ],
    [
      "an unknown user here",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, to: ["eve@aurora.example"] }),
      json,
      404,
      "unknown-user",
    ],
    [
      "nobody's domain",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, to: ["x@elsewhere.example"] }),
      json,
      422,
      "no-route",
    ],
    [
      "too large a mail",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, text: "x".repeat(150_000) }),
      json,
      413,
      "too-large",
    ],
    [
      "too large a request",
      "POST",
      "/v1/send",
      JSON.stringify({ ...good, text: "x".repeat(1_100_000) }),
      json,
      413,
      "too-large",
    ],
    [
      "a malformed mail",
      "POST",
      "/v1/send?to=x@base.example",
      "no header\n",
      "message/rfc822",
      422,
      "malformed",
    ],
    ["no invitation", "POST", "/v1/peers/accept", "{}", json, 422, "malformed"],
    [
      "a damaged invitation",
      "POST",
      "/v1/peers/accept",
      JSON.stringify({ invitation: "estafette-peer:AAAA" }),
      json,
      422,
      "EST_CONFIG_VALUE",
    ],
    [
      "an invitation as text",
      "POST",
      "/v1/peers/accept",
      "estafette-peer:AAAA",
      "text/plain",
      415,
      "media-type",
    ],
  ];

  it.each(cases)("%s", async (_title, method, path, body, type, status, code) => {
    const reply = await ask(method, path, body, type);
    expect(reply.status).toBe(status);
    if (code === "") return;
    expect(reply.body.code).toBe(code);
    expect(reply.body.message).toEqual(expect.any(String));
    expect(reply.headers["content-type"]).toBe("application/json; charset=utf-8");
    if (status === 405) expect(reply.headers.allow).toBeDefined();
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
