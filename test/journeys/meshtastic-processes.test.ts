import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMeshtasticMesh,
  type DeviceOnTerminal,
  type MeshtasticMesh,
  type MeshtasticOnTcp,
  serveMeshtasticTcp,
  serveOnTerminal,
} from "@estafette/emulators";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clock } from "../harness/node.js";
import { needs } from "../report/require.js";
import { eventually, GatewayProcess, introduce, timeScale } from "./processes.js";

/*
 *   aurora ═USB═ radio ))) ShortFast ((( radio ═Wi-Fi═ shore
 *
 * What an owner starts: two daemons, one radio on a serial port, one over TCP. The air is scaled, the gateways are not.
 */
describe.skipIf(needs("python3").skip)("a ship and its shore with Meshtastic radios", () => {
  const parent = mkdtempSync(join(tmpdir(), "est-mesh-"));
  let mesh: MeshtasticMesh;
  let usb: DeviceOnTerminal;
  let wifi: MeshtasticOnTcp;
  let aurora: GatewayProcess;
  let shore: GatewayProcess;

  beforeAll(async () => {
    mesh = createMeshtasticMesh({ clock, preset: "ShortFast", loss: 0.05, timeScale, bootMs: 20_000 });
    usb = await serveOnTerminal(mesh, 0, join(parent, "usb-radio"));
    wifi = await serveMeshtasticTcp(mesh, 1, { host: "127.0.0.1", port: 0 });
    const [ship, land] = mesh.nums.map((num) => `!${num.toString(16).padStart(8, "0")}`);
    const config = (name: string, other: string, link: string): string => `version: 1
node: {name: ${name}, mail_domain: ${name}.example}
peers: {${other}: {}}
links:
  mesh:
    driver: meshtastic
    peer: ${other}
    ${link}
mail:
  mailbox: {maildir: "mail/{user}"}
users:
  ${name === "aurora" ? "crew" : "office"}: {addresses: [${name === "aurora" ? "crew" : "office"}@${name}.example]}
retry: [1s, 2s]
`;
    aurora = new GatewayProcess({
      ...{ parent, name: "aurora" },
      config: config("aurora", "shore", `port: ${usb.path}\n    nodes: ["${land}"]`),
    });
    shore = new GatewayProcess({
      ...{ parent, name: "shore" },
      config: config("shore", "aurora", `address: ${wifi.address}\n    neighbours: {"${ship}": aurora}`),
    });
    await introduce(aurora, shore);
    await aurora.start();
    await shore.start();
  }, 120_000);

  afterAll(async () => {
    await aurora?.stop();
    await shore?.stop();
    usb?.close();
    wifi?.close();
    mesh?.close();
    rmSync(parent, { recursive: true, force: true });
  });

  const patience = () => ({ tellers: [aurora, shore], withinMs: 120_000 });

  it("mail passes while radios restart and a cable is pulled", { timeout: 600_000 }, async () => {
    await send("First", "Fine.");
    await eventually(() => mailsAshore().length === 1, "the first mail", patience());
    const noise = Array.from({ length: 150 }, (_, at) => ((at * 2_654_435_761) >>> 0).toString(36)).join(
      "\n",
    );
    await send("Long", noise);
    await eventually(async () => (await partialBytes()) > 200, "a part ashore", patience());
    mesh.reboot(1);
    await eventually(async () => (await linkState(shore)) !== "up", "shore to miss its radio", patience());
    await usb.unplug();
    await eventually(
      async () => (await linkState(aurora)) !== "up",
      "the ship to miss its radio",
      patience(),
    );
    await send("Meanwhile", "The cable is out.");
    await usb.plug();
    await eventually(() => mailsAshore().length === 3, "all mail", patience());
    mesh.reboot(0);
    await send("Last", "The radio has restarted.");
    await eventually(() => mailsAshore().length === 4, "the last mail", patience());
    const subjects = mailsAshore().map((mail) => /^Subject: (.*)\r?$/m.exec(mail)?.[1]?.trim());
    expect(subjects.sort()).toEqual(["First", "Last", "Long", "Meanwhile"]);
    const long = mailsAshore().find((mail) => mail.includes("Subject: Long")) ?? "";
    expect(long.slice(long.indexOf("\r\n\r\n") + 4).trim()).toBe(noise.replaceAll("\n", "\r\n"));
  });

  async function send(subject: string, text: string): Promise<void> {
    await aurora.api("POST", "/v1/send", { to: ["office@shore.example"], subject, text });
  }

  async function partialBytes(): Promise<number> {
    const { queue } = (await shore.api("GET", "/v1/status")) as { queue: { partial_bytes: number } };
    return queue.partial_bytes;
  }

  function mailsAshore(): readonly string[] {
    const folder = join(shore.folder, "mail", "office", "new");
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  }
});

async function linkState(gateway: GatewayProcess): Promise<string> {
  const { links } = (await gateway.api("GET", "/v1/status")) as { links: readonly { state: string }[] };
  return links[0]?.state ?? "";
}
