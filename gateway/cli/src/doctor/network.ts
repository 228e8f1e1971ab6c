import { X509Certificate } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { createSecureContext } from "node:tls";
import type { Config } from "@estafette/config";
import { besideConfig } from "@estafette/daemon";
import { CLI_LIMITS as LIMITS } from "../limits.js";
import type { Finding } from "./checks.js";

/** Every address the gateway listens on: free while it does not run. */
export async function checkListeners(config: Config, running: boolean): Promise<readonly Finding[]> {
  if (running) return [];
  const { submission, lmtpIn, smtpIn } = config.mail;
  const wanted: [string, string | null][] = [
    ["mail.submission", submission?.listen ?? null],
    ["mail.lmtp_in", lmtpIn],
    ["mail.smtp_in", smtpIn],
    ...config.links.map(({ name, options }): [string, string | null] => {
      return [`link ${name}`, typeof options.listen === "string" ? options.listen : null];
    }),
  ];
  const findings: Finding[] = [];
  for (const [what, listen] of wanted) {
    const place = listen === null ? null : splitHostPort(listen);
    if (place !== null) findings.push(await checkListener(what, place));
  }
  return findings;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function splitHostPort(text: string): Place | null {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]+)$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? null : { host, port: Number(match?.[3]) };
}

function checkListener(what: string, { host, port }: Place): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      const fix =
        error.code === "EACCES"
          ? "ports below 1024 need CAP_NET_BIND_SERVICE; the systemd unit grants it"
          : error.code === "EADDRINUSE"
            ? `another program listens there: see ss -ltnp 'sport = :${port}'`
            : "use an address of this machine";
      resolve({ what, state: "problem", text: `cannot listen on ${host}:${port}: ${error.message}`, fix });
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => resolve({ what, state: "ok", text: `${host}:${port} is free` }));
    });
  });
}

/** Key and certificate of submission: there, private, a pair, and valid for a while. */
export async function checkTls(config: Config): Promise<readonly Finding[]> {
  const { submission } = config.mail;
  if (submission === null) return [];
  const what = "mail.submission.tls";
  if (submission.tls === null) {
    const local = /^(?:127\.|\[::1\]|localhost)/.test(submission.listen);
    if (local) return [{ what, state: "ok", text: "none, and only this machine can connect" }];
    const text = "none: passwords and mail cross the network readable";
    return [{ what, state: "note", text, fix: "name a key and a certificate" }];
  }
  const keyFile = besideConfig(config.file, submission.tls.key);
  const certFile = besideConfig(config.file, submission.tls.cert);
  try {
    const [key, cert, { mode }] = await Promise.all([readFile(keyFile), readFile(certFile), lstat(keyFile)]);
    createSecureContext({ key, cert });
    if ((mode & 0o007) !== 0) {
      return [
        { what, state: "problem", text: `${keyFile} may be read by everybody`, fix: `chmod 640 ${keyFile}` },
      ];
    }
    const until = new X509Certificate(cert).validTo;
    const leftMs = Date.parse(until) - Date.now();
    const text = `valid until ${until}`;
    if (leftMs > WARN_MS) return [{ what, state: "ok", text }];
    return [{ what, state: leftMs > 0 ? "note" : "problem", text, fix: "renew the certificate" }];
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [
      { what, state: "problem", text, fix: "name a readable PEM key and the certificate that belongs to it" },
    ];
  }
}

/** Our choice: a month is one supply run. */
const WARN_MS = 30 * 86_400_000;

/** Servers we hand mail to. Not answering now is worth a note: mail waits for them. */
export async function checkServers(config: Config): Promise<readonly Finding[]> {
  const { mailbox, smarthost } = config.mail;
  const lmtp = mailbox !== null && "lmtp" in mailbox ? splitHostPort(mailbox.lmtp) : null;
  const findings: Finding[] = [];
  if (lmtp !== null) findings.push(await checkServer("mail.mailbox", lmtp));
  if (smarthost !== null) findings.push(await checkServer("mail.smarthost", smarthost));
  return findings;
}

function checkServer(what: string, { host, port }: Place): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: LIMITS.probeTimeoutMs });
    const done = (finding: Finding): void => {
      socket.destroy();
      resolve(finding);
    };
    const down = (why: string): Finding => {
      return {
        what,
        state: "note",
        text: `${host}:${port} does not answer: ${why}`,
        fix: "start it; mail waits meanwhile",
      };
    };
    socket.once("connect", () => done({ what, state: "ok", text: `${host}:${port} answers` }));
    socket.once("timeout", () => done(down("no answer in time")));
    socket.once("error", (error) => done(down(error.message)));
  });
}
