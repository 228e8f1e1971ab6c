import { readFileSync } from "node:fs";
import { type BridgeHost, ConfigError } from "@estafette/contract";
import type { SMTPServerAuthentication, SMTPServerOptions, SMTPServerSession } from "smtp-server";
import { type Reply, ReplyError } from "./codes.js";
import type { SubmissionConfig, TlsFiles } from "./config.js";
import { limits } from "./limits.js";

const wrong: Reply = { code: 535, status: "5.7.8", text: "Wrong name or password" };
const wait: Reply = { code: 454, status: "4.7.0", text: "Too many wrong passwords, wait half a minute" };

/** What the listener for mail programs has beyond the others: TLS and a login (RFC 6409, RFC 4954). */
export function submissionOptions(config: SubmissionConfig, host: BridgeHost): SMTPServerOptions {
  const guesses = new Guesses();
  const options: SMTPServerOptions = {
    authOptional: !config.requireAuth,
    authMethods: ["PLAIN", "LOGIN"],
    authRequiredMessage: "5.7.0 Login required",
    hideDSN: false,
    onAuth: (auth, session, callback) => {
      logIn({ auth, session, host, guesses }).then(
        (account) => {
          if (account === null) callback(new ReplyError(wrong));
          else if (account === "wait") callback(new ReplyError(wait));
          else callback(null, { user: account });
        },
        () => callback(new ReplyError({ code: 454, status: "4.7.0", text: "Cannot check passwords now" })),
      );
    },
  };
  if (config.tls === "none") {
    const disabledCommands = ["STARTTLS", "WIZ", "SHELL", "KILL", "XCLIENT", "XFORWARD", "VRFY", "HELP"];
    return { ...options, disabledCommands, allowInsecureAuth: true };
  }
  const pem = {
    key: pemOf(config.tls, "key"),
    cert: pemOf(config.tls, "cert"),
    minVersion: "TLSv1.2" as const,
  };
  return { ...options, ...pem, secure: config.tls.implicit, allowInsecureAuth: config.allowInsecureAuth };
}

interface Attempt {
  readonly auth: SMTPServerAuthentication;
  readonly session: SMTPServerSession;
  readonly host: BridgeHost;
  readonly guesses: Guesses;
}

async function logIn({ auth, session, host, guesses }: Attempt): Promise<object | "wait" | null> {
  const nowMs = host.clock.monotonicMs();
  if (guesses.mustWait(session.remoteAddress, nowMs)) return "wait";
  const { username = "", password, authzid = "" } = auth;
  // Acting as somebody else (RFC 4616 §2) is not offered.
  const asSelf = authzid === "" || authzid === username;
  const account = await host.authenticate(username, password ?? "");
  if (account !== null && asSelf) {
    guesses.right(session.remoteAddress);
    return account;
  }
  guesses.wrong(session.remoteAddress, nowMs);
  host.log("warn", "login failed", { from: session.remoteAddress });
  return null;
}

/** Wrong passwords by address; a bounded memory. */
class Guesses {
  private readonly byAddress = new Map<string, { count: number; untilMs: number }>();

  mustWait(address: string, nowMs: number): boolean {
    const entry = this.byAddress.get(address);
    return entry !== undefined && entry.count >= limits.wrongPasswordsMax && nowMs < entry.untilMs;
  }

  wrong(address: string, nowMs: number): void {
    const count = (this.byAddress.get(address)?.count ?? 0) + 1;
    this.byAddress.delete(address);
    this.byAddress.set(address, { count, untilMs: nowMs + limits.wrongPasswordWaitMs });
    const [oldest] = this.byAddress.keys();
    if (this.byAddress.size > limits.watchedAddressesMax && oldest !== undefined)
      this.byAddress.delete(oldest);
  }

  right(address: string): void {
    this.byAddress.delete(address);
  }
}

function pemOf(tls: TlsFiles, part: "key" | "cert"): string {
  const given = tls[part];
  if (given.includes("-----BEGIN")) return given;
  try {
    return readFileSync(given, "utf8");
  } catch (error) {
    const key = `submission.tls.${part}`;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError("EST_CONFIG_VALUE", `${key} cannot be read: ${reason}. Name a readable PEM file.`, {
      key,
    });
  }
}
