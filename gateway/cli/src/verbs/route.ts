import { callApi } from "../api-client.js";
import { usage } from "../exit.js";
import { bytesText, plain, spanText, table } from "../format.js";
import { socketOf } from "../places.js";
import { DAEMON_DETAILS, DAEMON_OPTIONS, text, type Verb } from "../verb.js";

export interface RouteView {
  readonly by: "here" | "peer" | "exit";
  readonly destination: string;
  readonly bytes: number;
  readonly class: string;
  readonly deadline_ms: number;
  readonly why: string;
  readonly ways: readonly {
    readonly neighbour: string;
    readonly link: string;
    readonly target: string;
    readonly in_conversation: boolean;
    readonly cost: number;
    readonly eta_ms: number | null;
    readonly basis: string;
    readonly meets_deadline: boolean;
    readonly chosen: boolean;
  }[];
}

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1_000, MB: 1_000_000 };

export const routeExplain: Verb = {
  name: "route explain",
  summary: "say which link a message would take now, and why",
  synopsis: "[--size 12kB] [--class CLASS] [--json] ADDRESS",
  details: [
    "ADDRESS is a mail address, a node address est1… or the name of a gateway known here.",
    "",
    "    --size SIZE     of the message as it is sent: B, kB or MB (default: 1kB)",
    "    --class CLASS   flash, priority, normal (default) or bulk",
    ...DAEMON_DETAILS,
    "",
    "COST is in the link's own unit. ETA is the time to the next gateway, and what it rests on: schedule (the next",
    "contact), observed (transfers of the last week), guess (the nominal rate), unknown. Exit code 67: nobody serves it.",
  ],
  options: { ...DAEMON_OPTIONS, size: { type: "string" }, class: { type: "string" } },
  words: [1, 1],
  async run(call) {
    const query = new URLSearchParams({ to: call.words[0] ?? "" });
    query.set("bytes", String(bytesOf(text(call.values.size) ?? "1kB")));
    query.set("class", text(call.values.class) ?? "normal");
    const socket = await socketOf(call);
    const answer = await callApi({ socket, method: "GET", path: `/v1/route?${query.toString()}` });
    call.io.out(call.values.json === true ? `${JSON.stringify(answer)}\n` : routeText(answer as RouteView));
    return 0;
  },
};

export function routeText(view: RouteView): string {
  const what = `${bytesText(view.bytes)} of class ${plain(view.class)}`;
  if (view.by === "here") return `${plain(view.why)}\n`;
  const through =
    view.by === "exit" ? `the exit gateway ${plain(view.destination)}` : plain(view.destination);
  const head = `${what} for ${through}, wanted at the next gateway within ${spanText(view.deadline_ms)}\n`;
  const rows = view.ways.map((way) => [
    way.chosen ? "*" : "",
    plain(way.neighbour),
    plain(way.link),
    way.cost === 0 ? "free" : String(Math.ceil(way.cost * 100) / 100),
    way.eta_ms === null ? "unknown" : `${spanText(way.eta_ms)} (${plain(way.basis)})`,
    way.meets_deadline ? "in time" : way.eta_ms === null ? "unknown" : "too late",
    `${plain(way.target)}${way.in_conversation ? ", in conversation" : ""}`,
  ]);
  const ways = table([["", "GATEWAY", "LINK", "COST", "ETA", "DEADLINE", "WHY IT IS A WAY"], ...rows]);
  return `${head}${ways}* ${plain(view.why)}\n`;
}

function bytesOf(given: string): number {
  const match = /^([0-9]{1,8}(?:\.[0-9]{1,3})?) ?(B|kB|MB)$/.exec(given);
  const bytes = Math.round(Number(match?.[1]) * (UNITS[match?.[2] ?? ""] ?? 1));
  if (!match || bytes < 1)
    throw usage(`--size: "${given.slice(0, 40)}" is not a size; write 800B, 12kB or 1.5MB`);
  return bytes;
}
