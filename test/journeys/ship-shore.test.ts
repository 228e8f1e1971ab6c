import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng } from "@estafette/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dovecot, startDovecot } from "../interop/dovecot.js";
import type { MailboxLogin } from "../interop/mailbox.js";
import { freePorts } from "../interop/ports.js";
import { type Postfix, startPostfix } from "../interop/postfix.js";
import { needs } from "../report/require.js";
import { broken, countRepeats, doubtsOf, missing, type Promised, readAll, readableIn } from "./arrivals.js";
import { bell, killAtRandom, pause } from "./kills.js";
import { type Letter, lettersFromSea, lettersFromShore } from "./letters.js";
import { handIn, type MailServer } from "./mail-program.js";
import {
  eventually,
  GatewayProcess,
  introduce,
  type RadioProcess,
  startRadio,
  timeScale,
} from "./processes.js";

/*
 *  nodemailer, swaks ─SMTP─► aurora ═PTY═ modem ))) 1200 bit/s ((( modem ═PTY═ shore ─LMTP─► Dovecot ashore
 *  Dovecot aboard   ◄─LMTP─┘                                                   │   ▲
 *                                                                        SMTP  ▼   │ LMTP
 *                                        nodemailer ─SMTP─► Postfix (the wide internet) ─LMTP─► Dovecot ashore
 */
const RADIO = { bitsPerSecond: 1_200, turnaroundMs: 200, frameLoss: 0.1 } as const;
const KILLS = 10;
const seed = Number(process.env.JOURNEY_SEED ?? "1");
/** Our choice: three minutes of CI, half an hour in real time. */
const patienceMs = (180_000 * 10) / timeScale;

const who = {
  crew: ["anna@aurora.example", "ben@aurora.example"],
  office: ["ada@shore.example", "bob@shore.example"],
  elsewhere: ["mum@home.example", "uncle@home.example"],
} as const;

describe.skipIf(needs("dovecot", "postfix", "swaks", "python3").skip)("a ship and the shore", () => {
  const parent = mkdtempSync(join(tmpdir(), "est-sea-"));
  const end = new AbortController();
  const logins: MailboxLogin[] = [];
  let dovecotAboard: Dovecot;
  let dovecotAshore: Dovecot;
  let postfix: Postfix;
  let radio: RadioProcess;
  let aurora: GatewayProcess;
  let shore: GatewayProcess;
  let submission: MailServer;

  beforeAll(async () => {
    const [submissionPort = 0, lmtpPort = 0] = await freePorts(2);
    const withPassword = (address: string) => ({ address, password: `pw-${address}` });
    dovecotAboard = await startDovecot({ users: who.crew.map(withPassword) });
    dovecotAshore = await startDovecot({ users: [...who.office, ...who.elsewhere].map(withPassword) });
    for (const one of who.crew) logins.push({ ...withPassword(one), imapPort: dovecotAboard.imapPort });
    for (const one of [...who.office, ...who.elsewhere])
      logins.push({ ...withPassword(one), imapPort: dovecotAshore.imapPort });
    postfix = await startPostfix({
      routes: [
        { domain: "home.example", protocol: "lmtp", port: dovecotAshore.lmtpPort },
        { domain: "shore.example", protocol: "lmtp", port: dovecotAshore.lmtpPort },
        { domain: "aurora.example", protocol: "lmtp", port: lmtpPort },
      ],
    });
    radio = await startRadio({ folder: parent, ...RADIO, seed });
    const secrets = { anna: "south-west seven", ben: "galley" };
    const ports = { submission: submissionPort, mailbox: dovecotAboard.lmtpPort };
    aurora = new GatewayProcess({
      parent,
      name: "aurora",
      config: auroraConfig(radio.ports.a, ports),
      secrets,
    });
    const shorePorts = { in: lmtpPort, mailbox: dovecotAshore.lmtpPort, smarthost: postfix.smtpPort };
    shore = new GatewayProcess({ parent, name: "shore", config: shoreConfig(radio.ports.b, shorePorts) });
    await introduce(aurora, shore);
    await Promise.all([aurora.start(), shore.start()]);
    const folder = join(parent, "mail-programs");
    mkdirSync(folder);
    const passwords = new Map([
      [who.crew[0], secrets.anna],
      [who.crew[1], secrets.ben],
    ]);
    submission = { port: submissionPort, passwords, folder };
  }, 120_000);

  afterAll(async () => {
    end.abort();
    await aurora?.stop();
    await shore?.stop();
    await radio?.stop();
    await Promise.all([postfix?.stop(), dovecotAboard?.stop(), dovecotAshore?.stop()]);
    rmSync(parent, { recursive: true, force: true });
  });

  it(
    "lose nothing, deliver nothing twice and change nothing, killed ten times on the way",
    async () => {
      const startMs = performance.now();
      const fromSea = await lettersFromSea(who);
      const fromShore = await lettersFromShore(fromSea);
      const markers = [...fromSea, ...fromShore].map((letter) => letter.marker);
      const { sea, land, leaks } = await correspond({ fromSea, fromShore, markers });
      const leftMs = Math.max(1_000, patienceMs - (performance.now() - startMs));
      await allArrived([...sea, ...land], leftMs);

      const mailboxes = await readAll(logins);
      const of = (addresses: readonly string[]) =>
        new Map([...mailboxes].filter(([address]) => addresses.includes(address)));
      expect(broken(sea, of([...who.office, ...who.elsewhere]), true)).toEqual([]);
      // Postfix, not the author, is the client of our gateway for these.
      const landed = land.map(({ letter, handedIn }) => ({
        letter,
        handedIn: { ...handedIn, doubts: doubtsOf(postfix, letter) },
      }));
      expect(broken(landed, of(who.crew), false)).toEqual([]);
      leaks.push(...readableIn(aurora.stateFolder, markers), ...readableIn(shore.stateFolder, markers));
      expect(leaks).toEqual([]);
      expect([aurora.killCount, shore.killCount]).toEqual([KILLS / 2, KILLS / 2]);

      const seconds = Math.round((performance.now() - startMs) / 1_000);
      const air = await radio.stop();
      const repeats = countRepeats(sea, mailboxes) + countRepeats(land, mailboxes);
      const sessions = [...sea, ...land].reduce((sum, { handedIn }) => sum + handedIn.attempts, 0);
      console.log(
        `ship and shore: ${sea.length} mails to shore, ${land.length} back, in ${seconds} s at ×${timeScale}; ` +
          `${air.bytesSent.a} + ${air.bytesSent.b} B on air in ${air.framesSent.a} + ${air.framesSent.b} frames, ` +
          `${air.fates.lost} lost, ${air.fates.collided} collided; ${KILLS} kills; ` +
          `${sessions} sessions of mail programs, ${repeats} repeats because a 250 was lost; seed ${seed}`,
      );
    },
    patienceMs + 60_000,
  );

  /** Letters from sea; answers from the shore after half of the kills; and the kills. */
  async function correspond(letters: {
    readonly fromSea: readonly Letter[];
    readonly fromShore: readonly Letter[];
    readonly markers: readonly string[];
  }) {
    const calls = bell();
    const halfFallen = bell();
    const half = halfFallen.next();
    const leaks: string[] = [];
    const killing = killAtRandom({
      gateways: [aurora, shore],
      timesEach: KILLS / 2,
      rng: seededRng(seed),
      calls,
      signal: end.signal,
      onFallen(gateway, count) {
        leaks.push(...readableIn(gateway.stateFolder, letters.markers));
        if (count === KILLS / 2) halfFallen.ring();
      },
    });
    const toAurora = { ...submission, onAttempt: calls.ring };
    const programs = [0, 1].map((n) => letters.fromSea.filter((_, i) => i % 2 === n));
    const sending = Promise.all(programs.map((some) => sendAll(some, toAurora)));
    const toPostfix = { ...toAurora, port: postfix.smtpPort, passwords: null };
    const answering = half.then(() => sendAll(letters.fromShore, toPostfix));
    const [, sea, land] = await Promise.all([killing, sending, answering]);
    return { sea: sea.flat(), land, leaks };
  }

  /** Every mail is in a mailbox, and nothing is left here or there from which a second copy could come. */
  async function allArrived(promised: readonly Promised[], withinMs: number): Promise<void> {
    const options = { tellers: [aurora, shore], withinMs };
    let lacking: readonly string[] = ["not looked yet"];
    const arrived = async (): Promise<boolean> => {
      await pause(500);
      lacking = missing(promised, await readAll(logins));
      return lacking.length === 0;
    };
    await eventually(arrived, "every mail in its mailbox", options).catch((error: unknown) => {
      const servers = postfix.log().slice(-3_000);
      throw new Error(`missing:\n${lacking.join("\n")}\n${String(error)}\n${servers}`, { cause: error });
    });
    await eventually(async () => (await isIdle(aurora)) && (await isIdle(shore)), "both idle", options);
  }

  async function sendAll(letters: readonly Letter[], server: MailServer): Promise<readonly Promised[]> {
    const promised: Promised[] = [];
    for (const letter of letters) {
      promised.push({ letter, handedIn: await handIn(letter, server, end.signal) });
      await pause((2_500 * 10) / timeScale);
    }
    return promised;
  }
});

function linkConfig(port: string, peer: string): string {
  return `links:
  radio:
    driver: serial
    peer: ${peer}
    port: ${port}
    baud: 115200
    rate: ${RADIO.bitsPerSecond * timeScale} bit/s
    turnaround: ${RADIO.turnaroundMs / timeScale} ms
    answer: ${250 / timeScale} ms
    duplex: half
retry: [1s, 2s, 5s]
`;
}

function auroraConfig(
  port: string,
  ports: { readonly submission: number; readonly mailbox: number },
): string {
  return `version: 1
node: {name: aurora, mail_domain: aurora.example}
peers: {shore: {}}
exit: shore
${linkConfig(port, "shore")}mail:
  submission: {listen: "127.0.0.1:${ports.submission}", tls: none}
  mailbox: {lmtp: "127.0.0.1:${ports.mailbox}"}
users:
  anna: {password: !secret anna, addresses: [anna@aurora.example]}
  ben: {password: !secret ben, addresses: [ben@aurora.example]}
`;
}

function shoreConfig(
  port: string,
  ports: { readonly in: number; readonly mailbox: number; readonly smarthost: number },
): string {
  return `version: 1
node: {name: shore, mail_domain: shore.example}
peers:
  aurora: {exit_from: ["@aurora.example"]}
${linkConfig(port, "aurora")}mail:
  lmtp_in: {listen: "127.0.0.1:${ports.in}"}
  mailbox: {lmtp: "127.0.0.1:${ports.mailbox}"}
  smarthost: {host: 127.0.0.1, port: ${ports.smarthost}, tls: none}
users:
  everybody: {addresses: ["*@shore.example"]}
`;
}

async function isIdle(gateway: GatewayProcess): Promise<boolean> {
  const { queue } = (await gateway.api("GET", "/v1/status")) as {
    queue: { waiting: Readonly<Record<string, number>>; deliveries: number };
  };
  const view = (await gateway.api("GET", "/v1/queue")) as { messages: readonly unknown[] };
  const waiting = Object.values(queue.waiting).reduce((sum, count) => sum + count, 0);
  return waiting + queue.deliveries + view.messages.length === 0;
}
