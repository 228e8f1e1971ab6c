import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { pathOf } from "../report/require.js";
import { type Child, PATIENCE_MS, shortFolder, startChild, whenReady } from "./child.js";
import { answers, freePorts } from "./ports.js";

/** A mailbox: the address is the user name as well. */
export interface MailboxUser {
  readonly address: string;
  readonly password: string;
}

/** A running Dovecot: LMTP in, IMAP out, mail dropped that repeats an `X-Estafette-Id`. */
export interface Dovecot {
  readonly lmtpPort: number;
  readonly imapPort: number;
  log(): string;
  stop(): Promise<void>;
}

interface Account {
  readonly name: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
}

/** Who owns the mail: Dovecot refuses uid 0, so a root run uses Debian's `nobody`. */
function mailOwner(): Account {
  const { username, uid, gid } = userInfo();
  if (uid === 0) return { name: "nobody", group: "nogroup", uid: 65_534, gid: 65_534 };
  const group = execFileSync("id", ["-gn"], { encoding: "utf8" }).trim();
  return { name: username, group, uid, gid };
}

/**
 * Starts a real Dovecot 2.3 as our child, in a temporary folder and on free loopback ports. Both protocols are plain
 * text; the users may log in at once. Throws with the end of Dovecot's log when it does not come up.
 */
export async function startDovecot(options: { readonly users: readonly MailboxUser[] }): Promise<Dovecot> {
  const program = pathOf("dovecot");
  if (program === null) throw new Error("dovecot is not installed");
  const [lmtpPort = 0, imapPort = 0] = await freePorts(2);
  const folder = shortFolder("dc");
  const owner = mailOwner();
  chmodSync(folder, 0o755);
  for (const part of ["run", "state"]) mkdirSync(join(folder, part), { mode: 0o755 });
  for (const part of ["home", "sieve"]) {
    mkdirSync(join(folder, part), { mode: 0o700 });
    chownSync(join(folder, part), owner.uid, owner.gid);
  }
  copyFileSync(new URL("duplicate.sieve", import.meta.url), join(folder, "sieve/duplicate.sieve"));
  const lines = options.users.map(({ address, password }) => {
    const home = join(folder, "home", address);
    // Without a home the duplicate test cannot lock its table at the first delivery.
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, owner.uid, owner.gid);
    return `${address}:{PLAIN}${password}:${owner.uid}:${owner.gid}::${home}::\n`;
  });
  writeFileSync(join(folder, "users"), lines.join(""), { mode: 0o644 });
  const configFile = join(folder, "dovecot.conf");
  writeFileSync(configFile, configText({ folder, owner, lmtpPort, imapPort }));
  const child: Child = startChild({
    command: [program, "-F", "-c", configFile],
    folder,
    logFile: join(folder, "dovecot.log"),
  });
  await whenReady(child, Promise.all([answers(lmtpPort, PATIENCE_MS), answers(imapPort, PATIENCE_MS)]));
  return { lmtpPort, imapPort, log: child.log, stop: child.stop };
}

/** Settings by name as in doveconf(1), Dovecot 2.3. As a plain user every service runs as that user and none in a chroot. */
function configText(options: {
  readonly folder: string;
  readonly owner: Account;
  readonly lmtpPort: number;
  readonly imapPort: number;
}): string {
  const { folder, owner, lmtpPort, imapPort } = options;
  const plain = userInfo().uid !== 0;
  const internal = plain
    ? `default_internal_user = ${owner.name}\ndefault_internal_group = ${owner.group}\ndefault_login_user = ${owner.name}\n`
    : "";
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
${internal}
mail_location = maildir:~/Maildir
mail_fsync = always
first_valid_uid = ${owner.uid}
last_valid_uid = ${owner.uid}
first_valid_gid = ${owner.gid}
auth_username_format = %Lu
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = ${folder}/users
}
service imap-login {
  ${plain ? "chroot =" : ""}
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  ${plain ? "chroot =" : ""}
}
service lmtp {
  inet_listener lmtp {
    port = ${lmtpPort}
  }
}
protocol lmtp {
  mail_plugins = sieve
  postmaster_address = postmaster@localhost
  hostname = dovecot.invalid
}
plugin {
  sieve_before = ${folder}/sieve/duplicate.sieve
  sieve_duplicate_max_period = 90d
}
`;
}
