import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RadioOnTerminals, startRadioOnTerminals } from "@estafette/emulators";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clock } from "../harness/node.js";
import { needs } from "../report/require.js";
import { eventually, GatewayProcess, introduce, timeScale } from "./processes.js";

/*
 *   aurora ═USB═ modem ))) 1200 bit/s ((( modem ═USB═ shore
 *
 * Somebody trips over aurora's cable: the port is gone, its name under by-id too, until the plug is back.
 */
const RADIO = { bitsPerSecond: 1_200, turnaroundMs: 200 } as const;

describe.skipIf(needs("python3").skip)("a ship whose modem is unplugged", () => {
  const parent = mkdtempSync(join(tmpdir(), "est-plug-"));
  let radio: RadioOnTerminals;
  let aurora: GatewayProcess;
  let shore: GatewayProcess;

  beforeAll(async () => {
    const byId = join(parent, "by-id");
    mkdirSync(byId);
    const linkPaths = { a: join(byId, "usb-FTDI_A-if00-port0"), b: join(byId, "usb-FTDI_B-if00-port0") };
    radio = await startRadioOnTerminals({ ...RADIO, timeScale, clock, linkPaths });
    aurora = new GatewayProcess({ parent, name: "aurora", config: configOf("aurora", "shore", linkPaths.a) });
    shore = new GatewayProcess({ parent, name: "shore", config: configOf("shore", "aurora", linkPaths.b) });
    await introduce(aurora, shore);
    await aurora.start();
    await shore.start();
  }, 120_000);

  afterAll(async () => {
    await aurora?.stop();
    await shore?.stop();
    radio?.close();
    rmSync(parent, { recursive: true, force: true });
  });

  const patience = () => ({ tellers: [aurora, shore], withinMs: (60_000 * 10) / timeScale });

  it("sends the mail it took meanwhile as soon as the plug is back", { timeout: 600_000 }, async () => {
    await send("Before", "Fine.");
    await eventually(() => mailsAshore().length === 1, "the first mail", patience());
    await radio.unplug("a");
    await eventually(
      async () => (await linkState(aurora)) !== "up",
      "the link to be called broken",
      patience(),
    );
    await send("Meanwhile", "The cable is out.");
    expect(await waitingAt(aurora)).toBeGreaterThan(0);
    await radio.plug("a");
    await eventually(() => mailsAshore().length === 2, "the mail taken meanwhile", patience());
    expect(mailsAshore().filter((mail) => mail.includes("Subject: Meanwhile"))).toHaveLength(1);
    expect(await linkState(aurora)).toBe("up");
    expect(await linkState(shore)).toBe("up");
  });

  it("goes on with a long mail where the cable was pulled", { timeout: 600_000 }, async () => {
    const noise = Array.from({ length: 120 }, (_, i) => ((i * 2_654_435_761) >>> 0).toString(36)).join("\n");
    const text = `${noise}\n${noise.split("\n").reverse().join("x")}\n`;
    await send("Long", text);
    const keptAshore = async (): Promise<number> => {
      const { queue } = (await shore.api("GET", "/v1/status")) as { queue: { partial_bytes: number } };
      return queue.partial_bytes;
    };
    let keptBytes = 0;
    await eventually(
      async () => {
        keptBytes = await keptAshore();
        return keptBytes > 500;
      },
      "the first part ashore",
      patience(),
    );
    await radio.unplug("a");
    await eventually(
      async () => (await linkState(aurora)) !== "up",
      "the link to be called broken",
      patience(),
    );
    expect(await keptAshore()).toBeGreaterThanOrEqual(keptBytes);
    const before = radio.radio.counters().bytesSent.a;
    await radio.plug("a");
    await eventually(() => mailsAshore().length === 3, "the long mail", patience());
    const sentAfter = radio.radio.counters().bytesSent.a - before;
    const mail = mailsAshore().find((one) => one.includes("Subject: Long")) ?? "";
    expect(mail.slice(mail.indexOf("\r\n\r\n") + 4)).toBe(text.replaceAll("\n", "\r\n"));
    const all = await envelopeBytes();
    console.log(
      `unplugged: ${keptBytes} B were ashore of ${all}; ${sentAfter} B sent after the plug was back`,
    );
    // The rest, a handshake of about 200 bytes and a tenth for framing: never the whole again.
    expect(sentAfter).toBeLessThan(all);
  });

  async function send(subject: string, text: string): Promise<void> {
    await aurora.api("POST", "/v1/send", { to: ["office@shore.example"], subject, text: `${text}` });
  }

  /** Payload of the newest envelope aboard, from its log. */
  async function envelopeBytes(): Promise<number> {
    const all = [...aurora.log().matchAll(/msg=composed .* bytes=(\d+)/g)];
    return Number(all.at(-1)?.[1]);
  }

  function mailsAshore(): readonly string[] {
    const folder = join(shore.folder, "mail", "office", "new");
    if (!existsSync(folder)) return [];
    return readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  }
});

function configOf(name: string, other: string, port: string): string {
  const user = name === "aurora" ? "crew" : "office";
  return `version: 1
node: {name: ${name}, mail_domain: ${name}.example}
peers: {${other}: {}}
links:
  radio:
    driver: serial
    peer: ${other}
    port: ${port}
    baud: 115200
    rate: ${RADIO.bitsPerSecond * timeScale} bit/s
    turnaround: ${RADIO.turnaroundMs / timeScale} ms
    answer: ${250 / timeScale} ms
    duplex: half
mail:
  mailbox: {maildir: "mail/{user}"}
users:
  ${user}: {addresses: [${user}@${name}.example]}
retry: [1s, 2s]
`;
}

async function linkState(gateway: GatewayProcess): Promise<string> {
  const { links } = (await gateway.api("GET", "/v1/status")) as { links: readonly { state: string }[] };
  return links[0]?.state ?? "";
}

async function waitingAt(gateway: GatewayProcess): Promise<number> {
  const { messages } = (await gateway.api("GET", "/v1/queue")) as { messages: readonly unknown[] };
  return messages.length;
}
