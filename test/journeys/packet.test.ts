import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KissOnPorts, startKissOnPorts } from "@estafette/emulators";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clock } from "../harness/node.js";
import { freePorts } from "../interop/ports.js";
import { needs } from "../report/require.js";
import { broken, type Mailboxes, missing, type Promised } from "./arrivals.js";
import { type Letter, lettersFromSea } from "./letters.js";
import { handIn } from "./mail-program.js";
import { eventually, GatewayProcess, introduce, timeScale } from "./processes.js";

/*
 *   mail program ─► aurora ═TCP═ TNC ))) 1200 Bd, AX.25 ((( TNC ═serial═ shore ─► maildir
 *
 * A tenth of the frames is lost. In the middle of the mail aurora's TNC is restarted while it sends, so that its
 * connection breaks; then shore's, whose serial port stays and which forgets its parameters.
 */
const CREW = ["anna@aurora.example", "ben@aurora.example"] as const;
const OFFICE = ["office@shore.example", "agent@shore.example"] as const;
const PASSWORDS = { anna: "south-west seven", ben: "galley" };
const LETTERS = 5;

describe.skipIf(needs("python3").skip)("a ship and a shore on packet radio", () => {
  const parent = mkdtempSync(join(tmpdir(), "est-packet-"));
  const end = new AbortController();
  let tncs: KissOnPorts;
  let aurora: GatewayProcess;
  let shore: GatewayProcess;
  let submissionPort = 0;

  beforeAll(async () => {
    [submissionPort = 0] = await freePorts(1);
    tncs = await startKissOnPorts({
      ...{ clock, timeScale, seed: 7, frameLoss: 0.1 },
      ...{ tcpPorts: [0, null], terminalPaths: [null, join(parent, "tnc")] },
    });
    const ship = { place: `connect: "${tncs.sockets[0]}"`, call: "N0AAA-1", other: "N0BBB" };
    const land = { place: `port: ${tncs.terminals[1]}`, call: "N0BBB", other: "N0AAA-1" };
    aurora = new GatewayProcess({
      ...{ parent, name: "aurora", secrets: PASSWORDS },
      config: configOf("aurora", "shore", ship, auroraMail(submissionPort)),
    });
    shore = new GatewayProcess({
      ...{ parent, name: "shore" },
      config: configOf("shore", "aurora", land, SHORE_MAIL),
    });
    await introduce(aurora, shore);
    await aurora.start();
    await shore.start();
  }, 120_000);

  afterAll(async () => {
    end.abort();
    await aurora?.stop();
    await shore?.stop();
    await tncs?.close();
    rmSync(parent, { recursive: true, force: true });
  });

  const patience = () => ({ tellers: [aurora, shore], withinMs: (150_000 * 10) / timeScale });

  it("lose nothing and deliver nothing twice when both TNCs restart", { timeout: 900_000 }, async () => {
    const startMs = performance.now();
    const promised: Promised[] = [];
    for (const letter of await lettersToOffice()) {
      const handedIn = await handIn(letter, submission(), end.signal);
      promised.push({ letter, handedIn });
    }
    await restartWhileItSends(0, true);
    await eventually(() => linkIsUp(aurora), "aurora's TNC to be open again", patience());
    await restartWhileItSends(1, false);
    await eventually(() => missing(promised, mailsAshore()).length === 0, "every mail ashore", patience());
    await eventually(() => allEnded(), "every receipt aboard", patience());
    expect(broken(promised, mailsAshore(), true)).toEqual([]);
    const { framesSent, fates, airtimeMs } = tncs.radio.counters();
    const airS = airtimeMs.map((ms) => Math.round(ms / 1_000));
    console.log(
      `packet radio: ${LETTERS} mails, both TNCs restarted, in ${Math.round((performance.now() - startMs) / 1_000)} s at ` +
        `×${timeScale}; ${framesSent.join(" + ")} frames, ${airS.join(" + ")} s keyed, ${fates.lost} lost, ${fates.collided} collided`,
    );
  });

  /** In the middle of a frame; it is without power for five seconds of air. */
  async function restartWhileItSends(station: number, hangsUp: boolean): Promise<void> {
    const sentBefore = tncs.radio.counters().framesSent[station] ?? 0;
    let isOver = false;
    const stop = tncs.radio.observe((event) => {
      const hasBegun = (tncs.radio.counters().framesSent[station] ?? 0) >= sentBefore + 2;
      if (isOver || event.type !== "keyed" || event.station !== station || !hasBegun) return;
      isOver = true;
      clock.timer(600 / timeScale, () => tncs.radio.restart(station, { offMs: 5_000 / timeScale, hangsUp }));
    });
    await eventually(() => isOver, `TNC ${station} to send`, patience());
    stop();
  }

  function submission() {
    const folder = join(parent, "mail-programs");
    mkdirSync(folder, { recursive: true });
    const passwords = new Map([
      [CREW[0], PASSWORDS.anna],
      [CREW[1], PASSWORDS.ben],
    ] as const);
    return { port: submissionPort, passwords, folder };
  }

  function mailsAshore(): Mailboxes {
    return new Map(
      OFFICE.map((address) => {
        const folder = join(shore.folder, "mail", address.slice(0, address.indexOf("@")), "new");
        const files = existsSync(folder) ? readdirSync(folder) : [];
        return [address, files.map((file) => readFileSync(join(folder, file)))];
      }),
    );
  }

  async function allEnded(): Promise<boolean> {
    const { messages } = (await aurora.api("GET", "/v1/queue")) as { messages: readonly unknown[] };
    return messages.length === 0;
  }
});

async function lettersToOffice(): Promise<readonly Letter[]> {
  const elsewhere = ["nobody@home.example", "none@home.example"] as const;
  const letters = await lettersFromSea({ crew: CREW, office: OFFICE, elsewhere });
  const ours = letters.filter(
    ({ by, to }) => by === "nodemailer" && !elsewhere.some((one) => to.includes(one)),
  );
  return ours.slice(0, LETTERS);
}

async function linkIsUp(gateway: GatewayProcess): Promise<boolean> {
  const { links } = (await gateway.api("GET", "/v1/status")) as { links: readonly { state: string }[] };
  return links[0]?.state === "up";
}

interface Station {
  readonly place: string;
  readonly call: string;
  readonly other: string;
}

/** An ISM channel, where sealed mail is allowed. Times of the TNC are set in steps of ten milliseconds. */
function configOf(name: string, other: string, station: Station, mail: string): string {
  const tens = (airMs: number): number => Math.max(10, Math.round(airMs / timeScale / 10) * 10);
  return `version: 1
node: {name: ${name}, mail_domain: ${name}.example}
peers: {${other}: {}}
links:
  packet:
    driver: kiss
    service: ism
    ${station.place}
    station_id: ${station.call}
    stations: [${station.other}]
    neighbours: {${station.other}: ${other}}
    rate: ${1_200 * timeScale} bit/s
    answer: ${500 / timeScale} ms
    tx_delay_ms: ${tens(300)}
    tx_tail_ms: ${tens(100)}
    slot_time_ms: ${tens(100)}
${mail}retry: [1s, 2s]
`;
}

function auroraMail(port: number): string {
  return `mail:
  submission: {listen: "127.0.0.1:${port}", tls: none}
  mailbox: {maildir: "mail/{user}"}
users:
  anna: {password: !secret anna, addresses: [${CREW[0]}]}
  ben: {password: !secret ben, addresses: [${CREW[1]}]}
`;
}

const SHORE_MAIL = `mail:
  mailbox: {maildir: "mail/{user}"}
users:
  office: {addresses: [${OFFICE[0]}]}
  agent: {addresses: [${OFFICE[1]}]}
`;
