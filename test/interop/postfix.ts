import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { pathOf } from "../report/require.js";
import { PATIENCE_MS, shortFolder, startChild, whenReady } from "./child.js";
import { answers, freePorts } from "./ports.js";

/** Where mail for one domain goes. */
export interface MailRoute {
  /** `ship.example`; `*` is everything no other route names. */
  readonly domain: string;
  readonly protocol: "lmtp" | "smtp";
  /** Loopback port of the next server. */
  readonly port: number;
}

/** A running Postfix. */
export interface Postfix {
  readonly smtpPort: number;
  log(): string;
  stop(): Promise<void>;
}

const DAEMONS = "/usr/lib/postfix/sbin";

/**
 * Starts a real Postfix 3.7 as our child, with its configuration and queue in a temporary folder, listening on a free
 * loopback port. It takes mail from loopback for anybody, hands each domain to its route and bounces the rest; what it
 * cannot hand over it tries again every few seconds. Must run as root, as Postfix's master does.
 */
export async function startPostfix(options: {
  readonly routes: readonly MailRoute[];
  /** Largest message taken, in bytes; default 20 000 000. */
  readonly messageBytesMax?: number;
}): Promise<Postfix> {
  const program = pathOf("postfix");
  if (program === null) throw new Error("postfix is not installed");
  if (userInfo().uid !== 0) throw new Error("Postfix's master must be started by root");
  const [smtpPort = 0] = await freePorts(1);
  const folder = shortFolder("pf");
  chmodSync(folder, 0o755);
  for (const part of ["etc", "queue", "data"]) mkdirSync(join(folder, part), { mode: 0o755 });
  chownSync(join(folder, "data"), idOf("-u", "postfix"), idOf("-g", "postfix"));
  const routes = options.routes.map(({ domain, protocol, port }) => {
    const nextHop = protocol === "lmtp" ? `lmtp:inet:[127.0.0.1]:${port}` : `smtp:[127.0.0.1]:${port}`;
    return `${domain} ${nextHop}\n`;
  });
  writeFileSync(join(folder, "etc/transport"), routes.join(""));
  writeFileSync(join(folder, "etc/main.cf"), mainText(folder, options.messageBytesMax ?? 20_000_000));
  writeFileSync(join(folder, "etc/master.cf"), masterText(smtpPort));
  const etc = join(folder, "etc");
  // Makes the queue's folders. `postfix start-fg` would do both, but its master leaves our process group.
  execFileSync(program, ["-c", etc, "check"], { stdio: "pipe" });
  const child = startChild({
    command: [join(DAEMONS, "master"), "-c", etc, "-d"],
    folder,
    logFile: join(folder, "mail.log"),
  });
  await whenReady(child, answers(smtpPort, PATIENCE_MS));
  return { smtpPort, log: child.log, stop: child.stop };
}

function idOf(what: "-u" | "-g", user: string): number {
  return Number(execFileSync("id", [what, user], { encoding: "utf8" }));
}

/** Settings by name as in postconf(5), Postfix 3.7. */
function mainText(folder: string, messageBytesMax: number): string {
  return `
compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
command_directory = /usr/sbin
daemon_directory = ${DAEMONS}
mail_owner = postfix
setgid_group = postdrop
maillog_file = ${folder}/mail.log
maillog_file_prefixes = ${folder}
myhostname = postfix.invalid
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
transport_maps = texthash:${folder}/etc/transport
default_transport = error:5.1.2 no route in this test
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_tls_security_level = none
message_size_limit = ${messageBytesMax}
mailbox_size_limit = 0
biff = no
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
smtp_connect_timeout = 5s
smtp_helo_timeout = 10s
`;
}

/** Services as in master(5); none in a chroot, whose files a temporary queue would lack. */
function masterText(smtpPort: number): string {
  const rows = [
    `127.0.0.1:${smtpPort} inet n - n - - smtpd`,
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "verify unix - - n - 1 verify",
    "flush unix n - n 1000? 0 flush",
    "proxymap unix - - n - - proxymap",
    "smtp unix - - n - - smtp",
    "relay unix - - n - - smtp",
    "lmtp unix - - n - - lmtp",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "discard unix - - n - - discard",
    "anvil unix - - n - 1 anvil",
    "scache unix - - n - 1 scache",
    "postlog unix-dgram n - n - 1 postlogd",
  ];
  return `${rows.join("\n")}\n`;
}
