import type { AddressInfo } from "node:net";
import {
  type Bridge,
  type BridgeAddresses,
  type BridgeHost,
  type Delivery,
  type DeliveryKind,
  type DeliveryResult,
  invariant,
  OperatingError,
  type RecipientResult,
} from "@estafette/contract";
import { headerValues, idField, possibleDuplicateField, readMail } from "@estafette/mail";
import type { SMTPServerOptions } from "smtp-server";
import type { Endpoint, SmtpConfig } from "./config.js";
import { type Door, openDoor } from "./doors.js";
import { limits } from "./limits.js";
import { deliverToMaildir } from "./maildir.js";
import { handOver } from "./outbound.js";
import { InFlight } from "./receive.js";
import { submissionOptions } from "./submission.js";
import type { StrictServer } from "./wire.js";

/** Mail programs and mail servers on one side, the core on the other. */
export class SmtpBridge implements Bridge {
  readonly delivers: readonly DeliveryKind[];
  private readonly inFlight: InFlight;

  constructor(
    private readonly config: SmtpConfig,
    private readonly host: BridgeHost,
  ) {
    this.delivers = [
      ...(config.mailbox === null ? [] : ["mailbox" as const]),
      ...(config.internet === null ? [] : ["internet" as const]),
    ];
    this.inFlight = new InFlight(config.sizeBytesMax * limits.inFlightFactor);
  }

  async start(signal: AbortSignal): Promise<BridgeAddresses> {
    const { config } = this;
    const addresses: Record<string, string> = {};
    const servers: StrictServer[] = [];
    const close = (): void => {
      for (const server of servers) server.close();
    };
    const add = async (
      name: Door["name"],
      listen: Endpoint,
      perAddressMax: number,
      extra: SMTPServerOptions,
    ) => {
      const { host, inFlight } = this;
      const server = openDoor({ name, config, host, inFlight, perAddressMax }, extra);
      servers.push(server);
      addresses[name] = await bind(server, listen, name);
    };
    try {
      const { submission, lmtp, smtp, connectionsMax } = config;
      if (submission !== null) {
        const extra = submissionOptions(submission, this.host);
        await add("submission", submission.listen, submission.perAddressMax, extra);
      }
      // A mail server ashore opens many connections from one address.
      if (lmtp !== null) await add("lmtp", lmtp, connectionsMax, noLogin);
      if (smtp !== null) await add("smtp", smtp, connectionsMax, noLogin);
    } catch (error) {
      close();
      throw error;
    }
    if (signal.aborted) close();
    else signal.addEventListener("abort", close, { once: true });
    return addresses;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    invariant(
      this.delivers.includes(delivery.kind),
      `this bridge was never offered to deliver: ${delivery.kind}`,
    );
    const marked = { ...delivery, rfc5322: mark(delivery) };
    return { recipients: await this.hand(marked, signal) };
  }

  private async hand(delivery: Delivery, signal: AbortSignal): Promise<readonly RecipientResult[]> {
    const { internet, mailbox, domains } = this.config;
    const helo = domains[0] ?? "localhost";
    if (delivery.kind === "internet") {
      invariant(internet !== null, "a bridge that delivers to the internet has a server for it");
      return await handOver(delivery, { ...internet, by: "smtp", helo }, signal);
    }
    invariant(mailbox !== null, "a bridge that delivers to mailboxes has somewhere to put them");
    if (mailbox.by !== "maildir") return await handOver(delivery, { ...mailbox, helo }, signal);
    const { deliveryId, rfc5322, to } = delivery;
    const results: RecipientResult[] = [];
    for (const one of to) {
      results.push(await deliverToMaildir({ folder: mailbox.folder, deliveryId, to: one, rfc5322 }));
    }
    return results;
  }
}

const noLogin: SMTPServerOptions = {
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS", "WIZ", "SHELL", "KILL", "XCLIENT", "XFORWARD", "VRFY", "HELP"],
};

/** Names the mail for ever, and says when the outside may already have it (a mailbox can then drop the repeat). */
function mark(delivery: Delivery): Uint8Array {
  const { fields } = readMail(delivery.rfc5322);
  const named = headerValues({ fields, body: null }, idField).length > 0;
  const lines = [
    ...(named ? [] : [`${idField}: ${delivery.deliveryId.replace(/[^\x21-\x7e]/g, "_")}`]),
    ...(delivery.possibleDuplicate ? [`${possibleDuplicateField}: yes`] : []),
  ];
  if (lines.length === 0) return delivery.rfc5322;
  return new Uint8Array(
    Buffer.concat([Buffer.from(lines.map((line) => `${line}\r\n`).join("")), delivery.rfc5322]),
  );
}

function bind(server: StrictServer, listen: Endpoint, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      const place = `${listen.host}:${listen.port}`;
      reject(
        new OperatingError("EST_OPERATING_PORT_GONE", `${name} cannot listen on ${place}: ${error.message}`),
      );
    };
    server.server.once("error", failed);
    server.listen(listen.port, listen.host, () => {
      server.server.off("error", failed);
      const { address, family, port } = server.server.address() as AddressInfo;
      resolve(family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`);
    });
  });
}
