import { domainToASCII } from "node:url";
import { type Account, type BridgeHost, InvariantError } from "@estafette/contract";
import { type Address, parseAddress } from "@estafette/mail";
import type { SMTPServerAddress, SMTPServerOptions, SMTPServerSession } from "smtp-server";
import { type Reply, ReplyError, refusalReply, replyText } from "./codes.js";
import type { SmtpConfig } from "./config.js";
import { limits } from "./limits.js";
import { owns, prepareInbound, prepareSubmitted } from "./prepare.js";
import { type InFlight, receive } from "./receive.js";
import { StrictServer } from "./wire.js";

/** One listener's part in a bridge: what it is called and which side of the gateway it serves. */
export interface Door {
  readonly name: "submission" | "lmtp" | "smtp";
  readonly config: SmtpConfig;
  readonly host: BridgeHost;
  readonly inFlight: InFlight;
  readonly perAddressMax: number;
}

type Done = (error?: Error | null) => void;

const unclear: Reply = { code: 553, status: "5.1.3", text: "Not a plain address" };
const denied: Reply = { code: 554, status: "5.7.1", text: "Relaying denied" };
const fault: Reply = { code: 451, status: "4.3.0", text: "Cannot take mail now, try again later" };

/** A server for one listener; `extra` is what only that listener has (TLS, login). */
export function openDoor(door: Door, extra: SMTPServerOptions): StrictServer {
  const { config, host } = door;
  const options: SMTPServerOptions = {
    name: config.domains[0] ?? "estafette",
    banner: "Estafette",
    size: config.sizeBytesMax,
    maxRecipients: limits.recipientsMax,
    hideSMTPUTF8: true,
    hideENHANCEDSTATUSCODES: false,
    disableReverseLookup: true,
    disabledCommands: ["WIZ", "SHELL", "KILL", "XCLIENT", "XFORWARD", "VRFY", "HELP"],
    maxCommandLength: limits.commandCharsMax,
    socketTimeout: limits.idleMs,
    closeTimeout: limits.closeMs,
    lmtp: door.name === "lmtp",
    logger: false,
    ...extra,
    onMailFrom: (address, session, callback) => answer(checkSender(door, server, address, session), callback),
    onRcptTo: (address, session, callback) =>
      answer(checkRecipient(door, server, address, session), callback),
    onData: (stream, session, callback) => {
      takeMail(door, server, { stream, session }).then(
        (result) => (typeof result === "string" ? callback(null, result) : callback(new ReplyError(result))),
        (error: unknown) => {
          host.log("warn", "mail not taken", { listener: door.name, error: String(error) });
          callback(new ReplyError(fault));
        },
      );
    },
  };
  const note = (what: string): void => host.log("warn", "session cut off", { listener: door.name, what });
  const bounds = { connectionsMax: config.connectionsMax, perAddressMax: door.perAddressMax };
  const server = new StrictServer(options, bounds, note);
  server.on("error", (error: Error) =>
    host.log("debug", "session broke", { listener: door.name, error: error.message }),
  );
  return server;
}

function answer(reply: Promise<Reply | null>, callback: Done): void {
  reply.then(
    (refusal) => callback(refusal === null ? null : new ReplyError(refusal)),
    () => callback(new ReplyError(fault)),
  );
}

/** The login of a session, `null` for a mail server or a program that needs none. */
function accountOf(session: SMTPServerSession): Account | null {
  const user: unknown = session.user;
  return typeof user === "object" && user !== null ? (user as Account) : null;
}

async function checkSender(
  door: Door,
  server: StrictServer,
  { address, args }: SMTPServerAddress,
  session: SMTPServerSession,
): Promise<Reply | null> {
  if (server.wireOf(session)?.violated !== false) return fault;
  if (args && args.SMTPUTF8 !== undefined)
    return { code: 555, status: "5.5.4", text: "SMTPUTF8 not offered" };
  if (address === "") return null;
  const parsed = strict(address);
  if (parsed === null || server.wireOf(session)?.wasRouted(address) === true) {
    if (door.name !== "submission" && unanswerable(address)) return null;
    return { ...unclear, status: door.name === "submission" ? "5.7.1" : "5.1.7" };
  }
  const account = accountOf(session);
  if (account === null) return null;
  return owns(account, parsed.text)
    ? null
    : { code: 553, status: "5.7.1", text: "Not an address of this login" };
}

/** Lists and shops use local parts above 64 octets for bounces; their mail is welcome, no notice can go back. */
function unanswerable(address: string): boolean {
  return /^[A-Za-z0-9#$&'*+/=?^_`{|}~.-]{65,200}@[A-Za-z0-9.-]{1,253}$/.test(address);
}

async function checkRecipient(
  door: Door,
  server: StrictServer,
  { address }: SMTPServerAddress,
  session: SMTPServerSession,
): Promise<Reply | null> {
  const wire = server.wireOf(session);
  if (wire === undefined || wire.violated) return fault;
  if (wire.wasRouted(address) || /[%!]/.test(address.split("@")[0] ?? "")) return denied;
  const to = recipientOf(address, door.config);
  if (to === null) return unclear;
  const from = senderOf(session);
  const refusal = await door.host.checkRecipient({
    account: accountOf(session)?.name ?? null,
    from,
    to: to.text,
  });
  return refusal === null ? null : refusalReply(refusal);
}

/** RFC 5321 §4.5.1: `postmaster` without a domain is ours. */
function recipientOf(address: string, config: SmtpConfig): Address | null {
  const own = config.domains[0] ?? "";
  return strict(address.toLowerCase() === "postmaster" ? `postmaster@${own}` : address);
}

/** smtp-server shows international domains decoded; what we authorise and carry is ASCII. */
function strict(address: string): Address | null {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  return parseAddress(
    /[^\x20-\x7e]/.test(domain) ? `${address.slice(0, at)}@${domainToASCII(domain)}` : address,
  );
}

function senderOf(session: SMTPServerSession): string {
  const { mailFrom } = session.envelope;
  return mailFrom === false ? "" : (strict(mailFrom.address)?.text ?? "");
}

interface Arrival {
  readonly stream: Parameters<NonNullable<SMTPServerOptions["onData"]>>[0];
  readonly session: SMTPServerSession;
}

/** Text of the 250 after the commit, or the refusal. */
async function takeMail(door: Door, server: StrictServer, arrival: Arrival): Promise<string | Reply> {
  const { config, host, inFlight } = door;
  const { stream, session } = arrival;
  // The library clears the session's envelope when the mail is over; these are the ones it was given.
  const from = senderOf(session);
  const to = session.envelope.rcptTo.map((rcpt) => recipientOf(rcpt.address, config)?.text ?? "");
  const receipt = session.envelope.rcptTo.some((rcpt) => rcpt.dsn?.notify?.includes("SUCCESS") === true);
  const received = await receive(stream, { sizeBytesMax: config.sizeBytesMax, inFlight, clock: host.clock });
  if (received.outcome === "refused") return received.reply;
  if (received.outcome === "gone" || server.wireOf(session)?.violated !== false) return fault;
  try {
    if (to.includes(""))
      throw new InvariantError("EST_INVARIANT", "an accepted recipient is a plain address");
    const account = accountOf(session);
    const domain = config.domains[0] ?? "";
    const nowMs = host.clock.trust() === "untrusted" ? null : host.clock.unixMs();
    const prepared =
      door.name === "submission"
        ? prepareSubmitted(received.bytes, account, { domain, rng: host.rng, nowMs })
        : prepareInbound(received.bytes, domain);
    if (prepared.outcome === "refused") return prepared.reply;
    const result = await host.submit({
      account: account?.name ?? null,
      from,
      to,
      content: { kind: "mail", rfc5322: prepared.rfc5322 },
      class: prepared.class,
      lifetimeS: null,
      receipt,
    });
    return result.outcome === "accepted"
      ? replyText("2.0.0", `Queued as ${result.id}`)
      : refusalReply(result);
  } finally {
    received.release();
  }
}
