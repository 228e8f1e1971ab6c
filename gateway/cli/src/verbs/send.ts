import { callApi, json } from "../api-client.js";
import { CliError, EXIT, usage } from "../exit.js";
import { bytesText, plain } from "../format.js";
import { socketOf } from "../places.js";
import { DAEMON_DETAILS, DAEMON_OPTIONS, text, type Verb } from "../verb.js";
import { type RouteView, routeText } from "./route.js";

const SECONDS: Readonly<Record<string, number>> = { h: 3_600, d: 86_400, w: 604_800 };

export const send: Verb = {
  name: "send",
  summary: "hand a message to the gateway; its text comes from stdin",
  synopsis:
    "[-s SUBJECT] [--from ADDRESS] [--class CLASS] [--expire 3d] [--short] [--clear] [--estimate] TO…",
  details: [
    "-s, --subject TEXT  subject",
    "    --from ADDRESS  who writes, a user of this gateway (default: its first user)",
    "    --class CLASS   flash, priority, normal (default) or bulk",
    "    --expire TIME   how long it may be on its way, 1h to 30d (default: the gateway's)",
    "    --short         as a short text: no subject, no header fields, the fewest bytes",
    "    --receipt       ask the far gateway for a signed receipt",
    "    --clear         sign it and do not seal it: anybody on the way may read it, so it may go by amateur radio",
    "    --estimate      send nothing: say what it would cost now, and when it would be there",
    ...DAEMON_DETAILS,
    "",
    "Prints the id of the message once it cannot be lost any more.",
  ],
  options: {
    ...DAEMON_OPTIONS,
    subject: { type: "string", short: "s" },
    from: { type: "string" },
    class: { type: "string" },
    expire: { type: "string" },
    short: { type: "boolean" },
    receipt: { type: "boolean" },
    clear: { type: "boolean" },
    estimate: { type: "boolean" },
  },
  words: [1, 50],
  async run(call) {
    const { values, io } = call;
    const expire = text(values.expire);
    const lifetimeS = expire === undefined ? null : secondsOf(expire);
    const socket = await socketOf(call);
    const bytes = await io.readStdin();
    const request = {
      ...(text(values.from) === undefined ? {} : { from: text(values.from) }),
      to: call.words,
      kind: values.short === true ? "text" : "mail",
      subject: text(values.subject) ?? "",
      text: decode(bytes),
      class: text(values.class) ?? "normal",
      lifetime_s: lifetimeS,
      receipt: values.receipt === true,
      clear: values.clear === true,
    };
    if (values.estimate === true) {
      const weighed = await callApi({ socket, method: "POST", path: "/v1/estimate", body: json(request) });
      io.out(values.json === true ? `${JSON.stringify(weighed)}\n` : estimateText(weighed as EstimateView));
      return 0;
    }
    const answer = await callApi({ socket, method: "POST", path: "/v1/send", body: json(request) });
    const { id } = answer as { id: string };
    io.out(values.json === true ? `${JSON.stringify({ id })}\n` : `${id}\n`);
    return 0;
  },
};

interface EstimateView {
  readonly parts: readonly {
    readonly to: readonly string[];
    readonly body_bytes: number;
    readonly envelope_bytes: number;
    readonly air_bytes: number;
    readonly joined_with: number;
    readonly route: RouteView;
  }[];
}

function estimateText({ parts }: EstimateView): string {
  return parts
    .map((part) => {
      const to = plain(part.to.join(", "));
      if (part.route.by === "here") return `${to}: a mailbox of this gateway, nothing goes on the air\n`;
      const sizes = `${bytesText(part.body_bytes)}, ${bytesText(part.envelope_bytes)} in its envelope`;
      const joined = part.joined_with > 0 ? `, joined with ${part.joined_with} that wait already` : "";
      return `${to}: ${sizes}, about ${bytesText(part.air_bytes)} on the air${joined}\n${routeText(part.route)}`;
    })
    .join("\n");
}

export const remove: Verb = {
  name: "delete",
  summary: "end a message of ours that still waits",
  synopsis: "ID [--json]",
  details: DAEMON_DETAILS,
  options: DAEMON_OPTIONS,
  words: [1, 1],
  async run(call) {
    const id = encodeURIComponent(call.words[0] ?? "");
    const answer = await callApi({
      socket: await socketOf(call),
      method: "DELETE",
      path: `/v1/messages/${id}`,
    });
    const { removed } = answer as { removed: number };
    call.io.out(call.values.json === true ? `${JSON.stringify({ removed })}\n` : `deleted ${removed}\n`);
    return 0;
  },
};

function secondsOf(expire: string): number {
  const match = /^([0-9]{1,5}) ?([hdw])$/.exec(expire);
  const unit = SECONDS[match?.[2] ?? ""];
  if (!match || unit === undefined)
    throw usage(`--expire: "${expire.slice(0, 40)}" is not a time; write 12h, 3d or 1w`);
  return Number(match[1]) * unit;
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CliError(EXIT.badData, "the text on stdin is not UTF-8");
  }
}
