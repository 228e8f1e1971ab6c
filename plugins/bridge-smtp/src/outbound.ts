import type { Delivery, RecipientResult } from "@estafette/contract";
import { parseAddress } from "@estafette/mail";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import type { OutConfig } from "./config.js";
import { limits } from "./limits.js";

/** A server to hand mails to. */
export interface OutServer extends OutConfig {
  readonly by: "smtp" | "lmtp";
  /** What we call ourselves in EHLO or LHLO. */
  readonly helo: string;
}

/** How one transaction ended, for the recipients it had. */
interface Ending {
  readonly response: string;
  readonly refused: ReadonlyMap<string, RecipientResult>;
}

/**
 * Hands a delivery to a server with nodemailer's connection: only addresses that passed the strict parser, only raw
 * bytes. SMTP: all recipients in one transaction. LMTP: one transaction each, so that a server that vanishes
 * between its answers (RFC 2033 §4.2) leaves one recipient in doubt and not all.
 */
export async function handOver(
  delivery: Delivery,
  server: OutServer,
  signal: AbortSignal,
): Promise<readonly RecipientResult[]> {
  const results = new Map<string, RecipientResult>();
  for (const to of delivery.to) {
    if (parseAddress(to) === null)
      results.set(to, { outcome: "refused", detail: "not a plain address", status: "5.1.3" });
  }
  const left = delivery.to.filter((to) => !results.has(to));
  if (delivery.from !== "" && parseAddress(delivery.from) === null) {
    for (const to of left)
      results.set(to, { outcome: "refused", detail: "sender is not plain", status: "5.1.7" });
  } else if (left.length > 0) {
    const batches = server.by === "lmtp" ? left.map((to) => [to]) : [left];
    await converse({ ...delivery, to: left }, batches, { server, signal, results });
  }
  return delivery.to.map((to) => results.get(to) ?? unreachable("no answer"));
}

interface Talk {
  readonly server: OutServer;
  readonly signal: AbortSignal;
  readonly results: Map<string, RecipientResult>;
}

async function converse(delivery: Delivery, batches: readonly string[][], talk: Talk): Promise<void> {
  const { server, signal, results } = talk;
  const connection = new SMTPConnection({
    host: server.server.host,
    port: server.server.port,
    name: server.helo,
    lmtp: server.by === "lmtp",
    secure: server.tls === "implicit",
    ignoreTLS: server.tls === "none",
    requireTLS: server.tls === "starttls",
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    socketTimeout: limits.answerMs,
    logger: false,
  });
  const broken = new Promise<never>((_, reject) => {
    const stop = (): void => reject(new Error("stopped"));
    connection.once("error", reject);
    connection.once("end", () => reject(new Error("connection closed")));
    signal.addEventListener("abort", stop, { once: true });
    connection.once("end", () => signal.removeEventListener("abort", stop));
    if (signal.aborted) stop();
  });
  // Losing races must not count as unhandled.
  broken.catch(() => undefined);
  try {
    await Promise.race([broken, begin(connection, server)]);
    for (const to of batches) {
      const ending = await Promise.race([broken, transact(connection, delivery, to)]);
      for (const one of to) {
        results.set(one, ending.refused.get(one) ?? { outcome: "delivered", detail: ending.response });
      }
    }
    connection.quit();
  } catch (error) {
    for (const to of delivery.to) if (!results.has(to)) results.set(to, verdict(error));
    connection.close();
  }
}

function begin(connection: SMTPConnection, server: OutServer): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.connect((error) => {
      if (error) return reject(error);
      if (server.auth === null) return resolve();
      const credentials = { user: server.auth.user, pass: server.auth.password };
      connection.login({ ...credentials, credentials }, (failed) => (failed ? reject(failed) : resolve()));
    });
  });
}

function transact(connection: SMTPConnection, delivery: Delivery, to: readonly string[]): Promise<Ending> {
  const message = Buffer.from(delivery.rfc5322);
  const use8BitMime = delivery.rfc5322.some((byte) => byte > 127);
  const envelope = { from: delivery.from, to: [...to], size: message.length, use8BitMime };
  return new Promise((resolve, reject) => {
    connection.send(envelope, message, (error, info) => {
      const refused = new Map<string, RecipientResult>();
      for (const one of info?.rejectedErrors ?? rejectedOf(error)) {
        if (one.recipient !== undefined) refused.set(one.recipient, verdict(one));
      }
      // A refusal of every recipient ends the transaction with an error of its own; each has its verdict.
      if (error && !to.every((one) => refused.has(one))) reject(error);
      else resolve({ response: String(info?.response ?? ""), refused });
    });
  });
}

interface ServerError extends Error {
  readonly responseCode?: number;
  readonly response?: string;
  readonly recipient?: string;
  readonly code?: string;
  readonly rejectedErrors?: readonly ServerError[];
}

function rejectedOf(error: unknown): readonly ServerError[] {
  return (error as ServerError | null)?.rejectedErrors ?? [];
}

/** Weather is a value: 5yz refuses, everything else is tried again (RFC 5321 §4.2.1). */
function verdict(error: unknown): RecipientResult {
  const { responseCode = 0, response = "", message = "", code = "" } = error as ServerError;
  const detail = (response || message).replace(/[^\x20-\x7e]+/g, " ").slice(0, limits.replyCharsMax);
  const status = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
  if (responseCode >= 500 && code !== "EAUTH") {
    return { outcome: "refused", detail, status: status?.startsWith("5") === true ? status : "5.0.0" };
  }
  if (responseCode > 0) return { outcome: "deferred", detail, retryAfterMs: limits.retryRefusedMs };
  if (code === "EMESSAGE") return { outcome: "refused", detail, status: "5.3.4" };
  return unreachable(detail);
}

function unreachable(detail: string): RecipientResult {
  return { outcome: "deferred", detail, retryAfterMs: limits.retryUnreachableMs };
}
