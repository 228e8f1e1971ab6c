import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** The command as it is built; `npm test` builds first. */
const MAIN = new URL("../dist/main.js", import.meta.url).pathname;

let folder = "";
const children: ChildProcess[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "estafette-process-"));
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function estafette(args: readonly string[], input = ""): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    input,
    encoding: "utf8",
    timeout: 50_000,
  });
  return { code: status, out: stdout, err: stderr };
}

interface Running {
  readonly child: ChildProcess;
  /** Until the log has this text. */
  logged(text: string): Promise<void>;
  ended(): Promise<number | null>;
}

function daemon(config: string): Running {
  const child = spawn(process.execPath, [MAIN, "daemon", "--config", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  children.push(child);
  let log = "";
  child.stderr?.on("data", (chunk) => {
    log += String(chunk);
  });
  const end = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    child,
    ended: () => end,
    logged: async (text) => {
      for (let i = 0; i < 400 && !log.includes(text); i++) await new Promise((r) => setTimeout(r, 50));
      expect(log).toContain(text);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Two gateways on one machine, joined by TCP. */
async function makePair(): Promise<{ ship: string; shore: string }> {
  const [lan, smtp, lmtp] = [await freePort(), await freePort(), await freePort()];
  const made: Record<string, string> = {};
  for (const [kind, peer, way] of [
    ["ship", "shore", `connect: "127.0.0.1:${lan}"`],
    ["shore", "aurora", `listen: "127.0.0.1:${lan}"`],
  ] as const) {
    estafette(["init", kind, "--directory", join(folder, kind)]);
    const config = join(folder, kind, "estafette.yaml");
    const text = (await readFile(config, "utf8"))
      .replace(
        /links:[\s\S]*?\nmail:/,
        `links:\n  lan:\n    driver: tcp\n    peer: ${peer}\n    ${way}\n\nmail:`,
      )
      .replace("127.0.0.1:2587", `127.0.0.1:${smtp}`)
      .replace("127.0.0.1:2424", `127.0.0.1:${lmtp}`);
    await writeFile(config, text);
    made[kind] = config;
  }
  const { ship = "", shore = "" } = made;
  for (const [from, to] of [
    [ship, shore],
    [shore, ship],
  ]) {
    const invitation = estafette(["peer", "invite", "--config", String(from)]).out;
    expect(estafette(["peer", "accept", "--config", String(to), "-"], invitation).code).toBe(0);
  }
  return { ship, shore };
}

function askBeforeSending(ship: string): void {
  const asked = ["route", "explain", "--config", ship, "--size", "12kB", "--class", "flash"];
  const route = estafette([...asked, "anna@shore.example"]);
  expect(route).toMatchObject({ code: 0, err: "" });
  expect(route.out).toMatch(/^12\.0 kB of class flash for shore, wanted at the next gateway within 60 s\n/);
  expect(route.out).toMatch(
    /\n\* +shore +lan +free +\d+ s \(guess\) +in time +destination, in conversation\n/,
  );
  expect(route.out).toMatch(/\n\* destination, open now, the only link there\n$/);
  expect(JSON.parse(estafette([...asked, "--json", "shore"]).out)).toMatchObject({
    bytes: 12_000,
    ways: [{ link: "lan", chosen: true, meets_deadline: true }],
  });
  expect(estafette(["route", "explain", "--config", ship, "nobody"])).toMatchObject({ code: 67, out: "" });
  const weighed = estafette(["send", "--config", ship, "--estimate", "anna@shore.example"], "All well\n");
  expect(weighed).toMatchObject({ code: 0, err: "" });
  expect(weighed.out).toMatch(/^anna@shore\.example: .* in its envelope, about \d+ B on the air\n/);
  const document = estafette(["send", "--config", ship, "--estimate", "--json", "anna@shore.example"], "x\n");
  expect(JSON.parse(document.out)).toMatchObject({ parts: [{ route: { ways: [{ basis: "guess" }] } }] });
  expect(estafette(["send", "--config", ship, "--estimate", "eve@aurora.ship.example"], "x").code).toBe(67);
  expect(estafette(["queue", "--config", ship])).toMatchObject({ code: 0, out: "nothing waits\n" });
}

describe.skipIf(!existsSync(MAIN))("the built command", () => {
  it("starts fast and ends with the right code", () => {
    expect(estafette(["version"])).toMatchObject({ code: 0, err: "" });
    expect(estafette(["nonsense"])).toMatchObject({ code: 64, out: "" });
    expect(estafette(["config", "check", "--config", join(folder, "none")])).toMatchObject({
      code: 78,
      out: "",
    });
  });

  it("survives a reader who has seen enough", () => {
    const shell = `"${process.execPath}" "${MAIN}" config reference | head -1`;
    const { status, stderr } = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });

  it("runs two gateways that meet, carry a mail, and end in order", async () => {
    const { ship, shore } = await makePair();
    const startMs = performance.now();
    const [a, b] = [daemon(ship), daemon(shore)];
    await Promise.all([a.logged("msg=ready"), b.logged("msg=ready")]);
    expect(performance.now() - startMs).toBeLessThan(15_000);
    const second = daemon(ship);
    expect(await second.ended()).toBe(73);
    await a.logged("neighbour established");

    askBeforeSending(ship);
    const sent = estafette(["send", "--config", ship, "-s", "Hello", "anna@shore.example"], "All well\n");
    expect(sent).toMatchObject({ code: 0, err: "" });
    const id = sent.out.trim();
    await a.logged(`msg=receipt id=${id}`);
    const box = join(folder, "shore", "mail", "shore.example", "anna", "new");
    const [file = ""] = await readdir(box);
    expect(await readFile(join(box, file), "utf8")).toMatch(
      /\r\nSubject: Hello\r\n[\s\S]*\r\n\r\nAll well\r\n$/,
    );

    expect(estafette(["trace", "--config", ship, id])).toMatchObject({
      code: 0,
      out: expect.stringContaining("delivered"),
    });
    expect(estafette(["queue", "--config", ship])).toMatchObject({ code: 0, out: "nothing waits\n" });
    expect(estafette(["mail", "list", "--config", ship])).toMatchObject({ code: 0, out: "no mail here\n" });
    expect(estafette(["trace", "--config", ship, "AAAA-AAAA"]).code).toBe(66);
    expect(estafette(["send", "--config", ship, "eve@aurora.ship.example"], "x").code).toBe(67);
    expect(
      estafette(["send", "--config", ship, "--from", "eve@x.example", "a@shore.example"], "x").code,
    ).toBe(77);
    const status = JSON.parse(estafette(["status", "--config", ship, "--json"]).out) as {
      links: { state: string }[];
    };
    expect(status.links).toMatchObject([{ state: "up" }]);
    const peers = JSON.parse(estafette(["peer", "list", "--config", ship, "--json"]).out) as {
      peers: unknown[];
    };
    expect(peers.peers).toMatchObject([{ name: "shore", state: "known" }]);

    a.child.kill("SIGTERM");
    b.child.kill("SIGINT");
    expect(await Promise.all([a.ended(), b.ended()])).toEqual([0, 0]);
    expect(estafette(["status", "--config", ship]).code).toBe(69);
    expect(estafette(["doctor", "--config", ship])).toMatchObject({
      code: 0,
      out: expect.stringContaining("opens and is sound"),
    });
  });

  it("starts again after kill -9, socket and lock of the dead one in place", async () => {
    const config = join(folder, "ship", "estafette.yaml");
    const first = daemon(config);
    await first.logged("msg=ready");
    first.child.kill("SIGKILL");
    await first.ended();
    const again = daemon(config);
    await again.logged("msg=ready");
    again.child.kill("SIGTERM");
    expect(await again.ended()).toBe(0);
  });
});
