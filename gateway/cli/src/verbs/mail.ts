import { callApi } from "../api-client.js";
import { bytesText, plain, table } from "../format.js";
import { socketOf } from "../places.js";
import { DAEMON_DETAILS, DAEMON_OPTIONS, type Verb } from "../verb.js";

interface MailEntry {
  readonly id: string;
  readonly direction: "in" | "out";
  readonly from: string;
  readonly to: readonly string[];
  readonly bytes?: number;
  readonly state: string;
  readonly at: string | null;
}

export const mailList: Verb = {
  name: "mail list",
  summary: "list the mail that is still here",
  synopsis: "[--json]",
  details: ["Mail that reached its mailbox is read there; it is no longer here.", "", ...DAEMON_DETAILS],
  options: DAEMON_OPTIONS,
  words: [0, 0],
  async run(call) {
    const answer = await callApi({ socket: await socketOf(call), method: "GET", path: "/v1/mail" });
    if (call.values.json === true) {
      call.io.out(`${JSON.stringify(answer)}\n`);
      return 0;
    }
    const { mail } = answer as { mail: readonly MailEntry[] };
    const rows = mail.map((m) => [
      m.id,
      m.direction,
      m.bytes === undefined ? "" : bytesText(m.bytes),
      m.at ?? "",
      `${plain(m.from)} -> ${plain(m.to.join(", "))}`,
      plain(m.state),
    ]);
    call.io.out(
      rows.length === 0 ? "no mail here\n" : table([["ID", "WAY", "SIZE", "SINCE", "WHO", "STATE"], ...rows]),
    );
    return 0;
  },
};

export const mailShow: Verb = {
  name: "mail show",
  summary: "print one mail that is still here, as it is",
  synopsis: "ID [--json]",
  details: DAEMON_DETAILS,
  options: DAEMON_OPTIONS,
  words: [1, 1],
  async run(call) {
    const id = encodeURIComponent(call.words[0] ?? "");
    const answer = await callApi({ socket: await socketOf(call), method: "GET", path: `/v1/mail/${id}` });
    if (call.values.json === true) {
      call.io.out(`${JSON.stringify(answer)}\n`);
      return 0;
    }
    const { rfc5322_base64: base64 } = answer as { rfc5322_base64: string };
    const mail = Buffer.from(base64, "base64").toString("utf8");
    call.io.out(call.io.isTerminal ? mail.replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, "") : mail);
    return 0;
  },
};
