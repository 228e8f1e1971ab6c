import { callApi } from "../api-client.js";
import { bytesText, plain, table } from "../format.js";
import { socketOf } from "../places.js";
import { DAEMON_DETAILS, DAEMON_OPTIONS, type Verb } from "../verb.js";

interface StatusView {
  readonly name: string;
  readonly address: string;
  readonly clock: string;
  readonly queue: {
    readonly waiting: Record<string, number>;
    readonly waiting_bytes: number;
    readonly fill: number;
    readonly deliveries: number;
  };
  readonly links: readonly {
    readonly name: string;
    readonly state: string;
    readonly detail: string;
    readonly bytes_sent: number;
    readonly bytes_heard: number;
    readonly budget: {
      readonly window: string;
      readonly limits: readonly {
        readonly resource: string;
        readonly hours: number;
        readonly max: number;
        readonly left: number;
      }[];
      readonly pause: { readonly why: string; readonly wait_s: number } | null;
    };
    readonly neighbours: readonly {
      readonly peer: string | null;
      readonly neighbour: string;
      readonly state: string;
    }[];
  }[];
}

export const status: Verb = {
  name: "status",
  summary: "show how the gateway and its links are",
  synopsis: "[--json]",
  details: DAEMON_DETAILS,
  options: DAEMON_OPTIONS,
  words: [0, 0],
  async run(call) {
    const answer = await callApi({ socket: await socketOf(call), method: "GET", path: "/v1/status" });
    if (call.values.json === true) call.io.out(`${JSON.stringify(answer)}\n`);
    else call.io.out(statusText(answer as StatusView));
    return 0;
  },
};

function statusText(view: StatusView): string {
  const { queue: q } = view;
  const count = Object.values(q.waiting).reduce((sum, n) => sum + n, 0);
  const waiting = `${count} waiting, ${bytesText(q.waiting_bytes)}`;
  const head = `${plain(view.name)}  ${plain(view.address)}\nqueue ${waiting}   store ${Math.round(q.fill * 100)} % full   clock ${plain(view.clock)}\n`;
  const rows = view.links.map((link) => [
    plain(link.name),
    plain(link.state),
    bytesText(link.bytes_sent),
    bytesText(link.bytes_heard),
    link.neighbours.map((n) => `${plain(n.peer ?? n.neighbour)} ${n.state}`).join(", ") || plain(link.detail),
  ]);
  if (rows.length === 0) return `${head}no links configured\n`;
  const links = table([["LINK", "STATE", "SENT", "HEARD", "NEIGHBOURS"], ...rows]);
  return head + links + view.links.flatMap(budgetLines).join("");
}

/** What is left of each bound of a link, and what it waits for. */
function budgetLines({ name, budget }: StatusView["links"][number]): readonly string[] {
  const lines = budget.limits.map(({ resource, hours, max, left }) => {
    const isTime = resource === "airtime";
    const [leftText, maxText] = isTime ? [secondsText(left / 1_000), secondsText(max / 1_000)] : [left, max];
    return `${plain(name)}: ${leftText} of ${maxText} ${plain(resource)} left in ${hours} h\n`;
  });
  if (budget.window === "not-enforced")
    lines.push(`${plain(name)}: contact windows are not enforced, the clock is untrusted\n`);
  if (budget.pause)
    lines.push(`${plain(name)}: waits ${secondsText(budget.pause.wait_s)} for ${plain(budget.pause.why)}\n`);
  return lines;
}

function secondsText(seconds: number): string {
  return seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

interface QueueList {
  readonly messages: readonly {
    readonly id: string;
    readonly class: string;
    readonly bytes: number;
    readonly from: string;
    readonly to: readonly string[];
    readonly detail: string;
    readonly envelope: string | null;
    readonly way: string | null;
  }[];
  readonly envelopes: readonly {
    readonly id: string;
    readonly class: string;
    readonly bytes: number;
    readonly destination: string;
    readonly way: string | null;
  }[];
  readonly deliveries: readonly {
    readonly id: string;
    readonly kind: string;
    readonly from: string;
    readonly pending: readonly string[];
    readonly detail: string;
  }[];
}

export const queue: Verb = {
  name: "queue",
  summary: "list what waits here",
  synopsis: "[--limit N] [--json]",
  details: ["    --limit N       at most so many of each kind [1…1000], default 100", ...DAEMON_DETAILS],
  options: { ...DAEMON_OPTIONS, limit: { type: "string" } },
  words: [0, 0],
  async run(call) {
    const { limit } = call.values;
    const path = limit === undefined ? "/v1/queue" : `/v1/queue?limit=${encodeURIComponent(String(limit))}`;
    const answer = await callApi({ socket: await socketOf(call), method: "GET", path });
    if (call.values.json === true) call.io.out(`${JSON.stringify(answer)}\n`);
    else call.io.out(queueText(answer as QueueList));
    return 0;
  },
};

function queueText(view: QueueList): string {
  const rows = [
    ...view.messages.map((m) => [
      m.id,
      "out",
      m.class,
      bytesText(m.bytes),
      `${plain(m.from)} -> ${plain(m.to.join(", "))}`,
      plain(m.detail || (m.way ?? (m.envelope === null ? "" : "on its way")), 300),
    ]),
    ...view.envelopes.map((e) => [
      e.id.slice(0, 12),
      "held",
      e.class,
      bytesText(e.bytes),
      `-> ${plain(e.destination)}`,
      plain(e.way ?? "", 300),
    ]),
    ...view.deliveries.map((d) => [
      d.id,
      "in",
      plain(d.kind),
      "",
      `${plain(d.from)} -> ${plain(d.pending.join(", "))}`,
      plain(d.detail),
    ]),
  ];
  if (rows.length === 0) return "nothing waits\n";
  return table([["ID", "WAY", "CLASS", "SIZE", "WHO", "STATE"], ...rows]);
}

interface TraceView {
  readonly entries: readonly {
    readonly what: string;
    readonly text: string;
    readonly path?: string;
    readonly message?: { readonly accepted_at: string | null };
  }[];
}

export const trace: Verb = {
  name: "trace",
  summary: "tell all that is known here about one message",
  synopsis: "ID [--json]",
  details: ["ID is what the sender was told (4F2K-M2QX) or an envelope id in hex.", "", ...DAEMON_DETAILS],
  options: DAEMON_OPTIONS,
  words: [1, 1],
  async run(call) {
    const id = encodeURIComponent(call.words[0] ?? "");
    const answer = await callApi({ socket: await socketOf(call), method: "GET", path: `/v1/messages/${id}` });
    if (call.values.json === true) {
      call.io.out(`${JSON.stringify(answer)}\n`);
      return 0;
    }
    const rows = (answer as TraceView).entries.map((entry) => {
      const path = entry.path === undefined ? "" : `   path ${plain(entry.path)}`;
      return [entry.message?.accepted_at ?? "", entry.what, `${plain(entry.text, 500)}${path}`];
    });
    call.io.out(table(rows));
    return 0;
  },
};
