import { z } from "zod";
import * as field from "./fields.js";
import { CONFIG_LIMITS as LIMITS } from "./limits.js";

const describe = <T extends z.ZodType>(schema: T, description: string): T =>
  schema.meta({ description }) as T;
const list = <T extends z.ZodType>(item: T, max: number) => z.array(item).max(max);
const flag = (preset: boolean) => z.boolean().default(preset);
const map = <T extends z.ZodType>(item: T) => z.record(z.string(), item).prefault({});

const node = z.strictObject({
  name: describe(field.name(), "Short name of this gateway: trace headers, screens, invitations."),
  mail_domain: describe(field.domain().optional(), "Mail domain whose mailboxes are here."),
  mail_domains: describe(
    list(field.domain(), LIMITS.domainsMax).optional(),
    "The same, when there are several.",
  ),
});

const clock = z.strictObject({
  trust: describe(
    z.enum(["untrusted", "plausible", "trusted"]).optional(),
    "How far the system clock may be believed. Say trusted only where NTP or GPS keeps it. Default: judged at start.",
  ),
});

const state = z.strictObject({
  directory: describe(
    field.path().prefault("/var/lib/estafette"),
    "Where keys and mail are kept; mode 0700. A relative path counts from this file.",
  ),
  quota: describe(field.size("1 MB", "1 TB").prefault("1 GB"), "Most disk space for messages."),
});

const peer = z.strictObject({
  key: describe(
    field.rootKey().optional(),
    "Root key of that gateway, estkey1…. Without it `estafette peer accept` supplies it.",
  ),
  domains: describe(
    list(field.domain(), LIMITS.domainsMax).default([]),
    "Mail domains whose mailboxes are there; example.org also serves sub.example.org.",
  ),
  links: describe(
    list(field.name(), LIMITS.linksMax).optional(),
    "Links on which it is a direct neighbour. Default: the links that name it.",
  ),
  exit_from: describe(
    list(field.sender(), LIMITS.usersMax).default([]),
    "We put its mail on the internet when written by one of these addresses, or by any of @domain.",
  ),
  transit: describe(flag(true), "Carry for it what is not for us."),
});

const credit = () => z.number().min(0).max(1e9);

/** What a paid link costs, in units of its owner's choice: cents, units, messages. */
const credits = z.strictObject({
  per_contact: describe(credit().default(0), "Each dialled contact. 0: as the driver says."),
  per_kilobyte: describe(credit().default(0), "Each 1000 bytes sent. 0: as the driver says."),
  per_day: describe(credit().optional(), "Most in any 24 hours. Default: no bound."),
  per_month: describe(credit().optional(), "Most in any 30 days. Default: no bound."),
});

/** Keys every link understands; the rest belongs to its driver. */
const link = z.looseObject({
  driver: describe(field.name(), "Kind of bearer: tcp, serial, kiss."),
  peer: describe(field.name().optional(), "The one gateway at the far end."),
  peers: describe(list(field.name(), LIMITS.peersMax).optional(), "The gateways that may be at the far end."),
  chain: describe(
    z.enum(["full", "digest", "auto"]).default("auto"),
    "Whether signatures of the path travel in full or as a digest. auto: full from 64 kbit/s.",
  ),
  neighbours: describe(
    z.record(z.string(), field.name()).optional(),
    "For bearers with many neighbours: their name for a neighbour, and which peer that is.",
  ),
  service: describe(
    z.enum(["amateur", "ism", "satellite", "wired"]).optional(),
    "Under which rules it transmits. amateur: nothing sealed, a station_id, and an operator unless automatic.",
  ),
  content: describe(
    z.enum(["encrypted", "clear_signed_only"]).optional(),
    "What it may carry. clear_signed_only: nothing sealed, ever. Default: encrypted; on amateur links clear_signed_only.",
  ),
  station_id: describe(
    field.callSign().optional(),
    "Call sign of this station, sent in clear text (stationId of the driver).",
  ),
  id_interval: describe(
    field.duration("1m", "1h").optional(),
    "While we transmit, the call sign is also sent as words so often (idIntervalMs of the driver). Default on amateur links: 10m.",
  ),
  automatic: describe(
    flag(false),
    "On amateur links: the licence and the band allow transmitting without an operator. Else windows say when one is there.",
  ),
  rate: describe(field.rate().optional(), "Rate on the channel while sending (bitsPerSecond of the driver)."),
  turnaround: describe(
    field.duration("0 ms", "10m").optional(),
    "From receiving to sending (turnaroundMs of the driver).",
  ),
  answer: describe(
    field.duration("0 ms", "1d").optional(),
    "Until an answer is here, typically, beyond airtime (answerMs of the driver).",
  ),
  parcel_max: describe(
    field.size("48 B", "65535 B").optional(),
    "Largest parcel (parcelBytesMax of the driver).",
  ),
  airtime_per_hour: describe(
    field.airtime().optional(),
    "Channel time we may occupy per hour, 10 % or 6 min (airtimeMsPerHourMax of the driver).",
  ),
  airtime_per_day: describe(
    field.airtimePerDay().optional(),
    "Channel time we may occupy in any 24 hours, 5 % or 72 min.",
  ),
  drain_rate: describe(
    field.byteRate().optional(),
    "Most we send in the long run, and what neighbours are asked to keep to: 100 B/s. Default: as fast as it goes.",
  ),
  credits: describe(credits.optional(), "What this link costs, and how much may be spent."),
  urgent_share: describe(
    field.share().prefault("20 %"),
    "Part of airtime and credits that only flash and priority messages may use.",
  ),
  windows: describe(
    list(z.string().max(LIMITS.windowCharactersMax), LIMITS.windowsMax).default([]),
    "When it may be used, in UTC: cron 0 6,18 * * * for 30m, or 2026-12-01T06:00Z/PT20M. Default: always. Not enforced while the clock is untrusted.",
  ),
});

const tls = z.union([
  z.literal("none"),
  z.strictObject({
    key: describe(field.path(), "PEM file of the private key."),
    cert: describe(field.path(), "PEM file of the certificate chain."),
  }),
]);

const mail = z.strictObject({
  submission: describe(
    z
      .strictObject({
        listen: describe(field.hostPort(), "Where the crew's mail programs send to."),
        tls: describe(
          tls,
          "Key and certificate for STARTTLS, or none: passwords then cross the ship in the clear.",
        ),
      })
      .optional(),
    "SMTP submission with login.",
  ),
  lmtp_in: describe(
    z
      .strictObject({ listen: describe(field.hostPort(), "Where a mail server ashore hands over.") })
      .optional(),
    "LMTP from a mail server, for the mail domains of our peers.",
  ),
  smtp_in: describe(
    z
      .strictObject({ listen: describe(field.hostPort(), "Where a mail server ashore hands over.") })
      .optional(),
    "The same by SMTP.",
  ),
  mailbox: describe(
    z
      .union([
        z.strictObject({
          lmtp: describe(field.hostPort(), "LMTP server that keeps the mailboxes, as Dovecot."),
        }),
        z.strictObject({
          maildir: describe(field.path(), "Folder of maildirs; {user} and {domain} are replaced."),
        }),
      ])
      .optional(),
    "Where mail for our own domains is put.",
  ),
  smarthost: describe(
    z
      .strictObject({
        host: describe(z.string().min(1).max(253), "Name or address of the mail server."),
        port: describe(z.int().min(1).max(65_535).default(25), "TCP port."),
        tls: describe(
          z.enum(["none", "starttls", "implicit"]).default("starttls"),
          "Security of the connection.",
        ),
        user: describe(z.string().min(1).max(254).optional(), "Login, if it wants one."),
        password: describe(field.secret().optional(), "Its password, !secret name."),
      })
      .optional(),
    "Mail server that takes mail for the internet. Makes this gateway usable as an exit.",
  ),
  size_max: describe(field.size("1 kB", "10 MB").prefault("10 MB"), "Largest mail accepted."),
});

const user = z.strictObject({
  password: describe(field.secret().optional(), "!secret name. Without it nobody can log in as this user."),
  addresses: describe(
    list(field.mailbox(), LIMITS.domainsMax).optional(),
    "Addresses this user owns; *@domain: all that nobody else has. Default: name@ our first domain.",
  ),
});

const route = z.strictObject({
  match: describe(
    z.string().min(1).max(254),
    "A peer's name, a node address est1…, a domain suffix .example.org, or *.",
  ),
  via: describe(list(field.name(), LIMITS.viaMax), "Peers to pass, in this order, destination excluded."),
});

function deadline(usual: string) {
  return field.duration("1s", "30d").prefault(usual);
}

/** The whole file. Written with `snake_case` keys; every value that has a unit is text with its unit. */
export const configSchema = z.strictObject({
  version: describe(z.literal(1), "Version of this format."),
  node: describe(node, "This gateway."),
  clock: describe(clock.prefault({}), "The system clock."),
  state: describe(state.prefault({}), "What is kept."),
  peers: describe(map(peer), "Gateways we know, by a name of our choice."),
  exit: describe(field.name().optional(), "Peer that carries our mail for the wide internet."),
  links: describe(map(link), "How bytes move: one entry per radio, modem or line."),
  routing: describe(
    list(route, LIMITS.routesMax).default([]),
    "First match wins. Without a match the peer that serves the domain is next.",
  ),
  mail: describe(mail.prefault({}), "Mail programs and mail servers."),
  users: describe(map(user), "People and programs that may submit mail, and whose mailboxes are here."),
  lifetime: describe(field.duration("1h", "30d").prefault("7d"), "How long a message may be on its way."),
  retry: describe(
    list(field.duration("1s", "1d"), 32).min(1).prefault(["1m", "2m", "5m", "15m", "1h", "4h"]),
    "Waits between attempts; the last one repeats.",
  ),
  deadlines: describe(
    z
      .strictObject({
        flash: describe(deadline("1m"), "Of a flash message."),
        priority: describe(deadline("10m"), "Of a priority message."),
        normal: describe(deadline("6h"), "Of every other message."),
        bulk: describe(deadline("3d"), "Of what may take its time."),
      })
      .prefault({}),
    "Within which a message ought to be at the next gateway: the cheapest link that keeps it is taken.",
  ),
  hop_limit: describe(z.int().min(1).max(16).default(16), "Most gateways a message may pass."),
  flash_copies: describe(
    z.int().min(1).max(4).default(1),
    "Links over which a flash message goes at the same time; what still waits is taken back when it is there.",
  ),
  receipts: describe(flag(true), "Ask the far gateway for a signed receipt for every message."),
  api: describe(
    z
      .strictObject({
        socket: describe(field.path().optional(), "Unix socket. Default: api.sock in the state."),
      })
      .prefault({}),
    "The local HTTP interface.",
  ),
});

/** A configuration file after reading, as {@link configSchema} returns it. */
export type RawConfig = z.output<typeof configSchema>;
