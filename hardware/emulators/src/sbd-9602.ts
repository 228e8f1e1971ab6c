import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { ConfigError } from "@estafette/contract";
import { deskClock } from "./desk-clock.js";
import { deskProgram, number, onEnd, print } from "./desk-program.js";
import { deliverByDirectIp, serveMt } from "./sbd-direct-ip.js";
import { SbdGateway } from "./sbd-gateway.js";
import { SbdModem, type SessionFate } from "./sbd-modem.js";
import { sbdOnTerminal } from "./sbd-on-terminal.js";
import { deliverByWebHook, startRockBlockSite } from "./sbd-web.js";
import { callTcp, socketLink } from "./tcp-link.js";

/*
 * node hardware/emulators/dist/sbd-9602.js --mo 127.0.0.1:10801 --mt-port 10800 --time-scale 10 --script 0,reply-lost,18
 * Standard output: one JSON line with the port and the services. Standard error: the bill as a JSON line every ten seconds.
 */

const USAGE = `An Iridium 9602 modem on a serial port, and the operator's gateway behind it.
  --imei N         fifteen digits (300434060000001)       --link PATH      stable name of the port
  --mo HOST:PORT   hand messages over by DirectIP         --mt-port N      take messages by DirectIP (10800)
  --hook URL       hand them over to a web hook instead   --json           the hook gets JSON, not a form
  --web-port N     RockBLOCK service on loopback          --login U:P      its login (desk:desk)
  --script LIST    fates of the next sessions: MO statuses, or reply-lost
  --failures P     sessions that break, 0 to 1 (0)        --seed N         repeatable weather (1)
  --time-scale X   sessions take 1/X of the time (1)      --no-spaces      in +SBDIX, as in manuals
  --ring-inside    rings come inside replies              --garbage N      bytes of noise at power on (0)
  --no-status      no SBDSX, CSQ, MSSTM                   --unconfirmed    DirectIP without confirmations
Signals: SIGUSR1 prints the bill, SIGUSR2 takes the satellites away or brings them back, SIGHUP cycles the power.
`;

const FLAGS = {
  imei: { type: "string", default: "300434060000001" },
  link: { type: "string", default: "" },
  mo: { type: "string" },
  "mt-port": { type: "string", default: "10800" },
  hook: { type: "string" },
  json: { type: "boolean", default: false },
  "web-port": { type: "string" },
  login: { type: "string", default: "desk:desk" },
  script: { type: "string", default: "" },
  failures: { type: "string", default: "0" },
  seed: { type: "string", default: "1" },
  "time-scale": { type: "string", default: "1" },
  "no-spaces": { type: "boolean", default: false },
  "ring-inside": { type: "boolean", default: false },
  garbage: { type: "string", default: "0" },
  "no-status": { type: "boolean", default: false },
  unconfirmed: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

function read() {
  return parseArgs({ options: FLAGS, strict: true }).values;
}

type Flags = ReturnType<typeof read>;

async function main(): Promise<void> {
  const flags = read();
  if (flags.help) {
    process.stdout.write(USAGE);
    return;
  }
  const clock = deskClock();
  const timeScale = number("time-scale", flags["time-scale"]);
  const gateway = new SbdGateway({ clock, timeScale, deliver: deliveryOf(flags) });
  const modem = new SbdModem({
    ...{ clock, gateway, timeScale, imei: flags.imei },
    failures: number("failures", flags.failures),
    seed: number("seed", flags.seed),
    spaces: !flags["no-spaces"],
    ringInsideReply: flags["ring-inside"],
    garbageBytes: number("garbage", flags.garbage),
    answersStatus: !flags["no-status"],
  });
  modem.script(...fatesOf(flags.script));
  const terminal = await sbdOnTerminal(modem, flags.link);
  const mt = createServer((socket) => void serveMt(gateway, socketLink(socket)));
  mt.listen(number("mt-port", flags["mt-port"]), "127.0.0.1");
  const [username = "", password = ""] = flags.login.split(":");
  const webPort = flags["web-port"];
  const web =
    webPort === undefined
      ? null
      : await startRockBlockSite(gateway, { username, password }, number("web-port", webPort));
  print(process.stdout, { port: terminal.path, imei: flags.imei, ...(web ? { service: web.url } : {}) });
  obeySignals(
    modem,
    () => print(process.stderr, { bill: gateway.bill(flags.imei), sessions: modem.sessions }),
    () => {
      terminal.close();
      modem.close();
      gateway.close();
      mt.close();
      void web?.close();
    },
  );
}

function obeySignals(modem: SbdModem, report: () => void, stop: () => void): void {
  const reports = setInterval(report, 10_000);
  let service = true;
  process.on("SIGUSR1", report);
  process.on("SIGUSR2", () => {
    service = !service;
    modem.setService(service);
  });
  process.on("SIGHUP", () => modem.powerCycle());
  onEnd(() => {
    clearInterval(reports);
    report();
    stop();
  });
}

function deliveryOf({ mo, hook, json, unconfirmed }: Flags) {
  if (hook !== undefined) return deliverByWebHook(hook, json);
  const found = /^(.+):(\d{1,5})$/.exec(mo ?? "");
  if (!found) throw wrong("mo", "host:port, or give --hook");
  const [, host = "", port = ""] = found;
  const open = () => callTcp(host, Number(port));
  return deliverByDirectIp({ clock: deskClock(), open, confirmed: !unconfirmed });
}

function fatesOf(list: string): readonly SessionFate[] {
  const words = list === "" ? [] : list.split(",");
  return words.map((word) => (word === "reply-lost" ? word : number("script", word)));
}

function wrong(flag: string, fix: string): ConfigError {
  return new ConfigError("EST_CONFIG_VALUE", `--${flag} must be ${fix}`, { key: flag });
}

deskProgram("sbd-9602", main);
