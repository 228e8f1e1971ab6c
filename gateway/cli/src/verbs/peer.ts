import { ConfigError } from "@estafette/contract";
import type { AcceptedPeer } from "@estafette/daemon";
import { callApi, json } from "../api-client.js";
import { CliError, EXIT } from "../exit.js";
import { plain, table } from "../format.js";
import { configPath, socketOf } from "../places.js";
import { type Call, DAEMON_DETAILS, DAEMON_OPTIONS, text, texts, type Verb } from "../verb.js";

export const peerInvite: Verb = {
  name: "peer invite",
  summary: "print the string that introduces this gateway to another",
  synopsis: "[--json]",
  details: ["Paste it at the other gateway: estafette peer accept 'estafette-peer:…'", "", ...DAEMON_DETAILS],
  options: DAEMON_OPTIONS,
  words: [0, 0],
  async run(call) {
    const answer = await whetherRunningOrNot(call, {
      online: async (socket) => await callApi({ socket, method: "POST", path: "/v1/peers/invite" }),
      offline: inviteOffline,
    });
    const { invitation, key } = answer as { invitation: string; key: string };
    if (call.values.json === true) call.io.out(`${JSON.stringify(answer)}\n`);
    else {
      call.io.out(`${invitation}\n`);
      call.io.err(`root key ${key}\n`);
    }
    return 0;
  },
};

export const peerAccept: Verb = {
  name: "peer accept",
  summary: "make another gateway known by the string it printed",
  synopsis: "[--name NAME] [--link LINK]… [--exit] INVITATION|-",
  details: [
    "    --name NAME     call it so (default: its own name)",
    "    --link LINK     a link on which it is a direct neighbour; may be repeated",
    "                    (default: as configured, else the links that admit anybody)",
    "    --exit          put mail of its domains on the internet for it",
    "-                   read the invitation from stdin",
    ...DAEMON_DETAILS,
    "",
    "The string proves that its author holds the key, not who that is: compare the key by voice if it matters.",
  ],
  options: {
    ...DAEMON_OPTIONS,
    name: { type: "string" },
    link: { type: "string", multiple: true },
    exit: { type: "boolean" },
  },
  words: [1, 1],
  async run(call) {
    const [given = ""] = call.words;
    const invitation = given === "-" ? (await call.io.readStdin()).toString("utf8") : given;
    const links = texts(call.values.link);
    const request = {
      invitation,
      name: text(call.values.name) ?? null,
      links: links.length === 0 ? null : links,
      exit: call.values.exit === true,
    };
    const answer = await whetherRunningOrNot(call, {
      online: async (socket) =>
        await callApi({ socket, method: "POST", path: "/v1/peers/accept", body: json(request) }),
      offline: () => acceptOffline(call, request),
    });
    if (call.values.json === true) call.io.out(`${JSON.stringify(answer)}\n`);
    else {
      const { name, key, domains } = answer as { name: string; key: string; domains: readonly string[] };
      call.io.out(
        `accepted ${plain(name)} (${domains.map((d) => plain(d)).join(", ") || "no mail domain"}) ${key}\n`,
      );
    }
    return 0;
  },
};

export const peerList: Verb = {
  name: "peer list",
  summary: "list the gateways known here",
  synopsis: "[--json]",
  details: DAEMON_DETAILS,
  options: DAEMON_OPTIONS,
  words: [0, 0],
  async run(call) {
    const answer = await callApi({ socket: await socketOf(call), method: "GET", path: "/v1/peers" });
    if (call.values.json === true) {
      call.io.out(`${JSON.stringify(answer)}\n`);
      return 0;
    }
    const { peers } = answer as {
      peers: readonly {
        name: string;
        state: string;
        key?: string;
        domains?: readonly string[];
        links?: readonly string[];
      }[];
    };
    const rows = peers.map((p) => [
      plain(p.name),
      p.key ?? plain(p.state),
      (p.links ?? []).map((l) => plain(l)).join(","),
      (p.domains ?? []).map((d) => plain(d)).join(","),
    ]);
    call.io.out(rows.length === 0 ? "no peers yet\n" : table([["NAME", "KEY", "LINKS", "DOMAINS"], ...rows]));
    return 0;
  },
};

/** Introductions are made before the first start too: without a running gateway the state itself is used. */
async function whetherRunningOrNot(
  call: Call,
  way: { online: (socket: string) => Promise<unknown>; offline: (call: Call) => Promise<unknown> },
): Promise<unknown> {
  try {
    return await way.online(await socketOf(call));
  } catch (error) {
    const down = error instanceof CliError && error.exitCode === EXIT.unavailable;
    if (!down || call.values.socket !== undefined) throw error;
    return way.offline(call);
  }
}

async function inviteOffline(call: Call): Promise<unknown> {
  const { loadConfig, besideConfig, makeInvitation, openState } = await import("@estafette/daemon");
  const { formatKey } = await import("@estafette/config");
  const { systemRng } = await import("@estafette/runtime");
  const config = await loadConfig(configPath(call), call.io.env);
  const { identity } = await openState(besideConfig(config.file, config.state.directory), systemRng());
  return {
    name: config.node.name,
    key: formatKey(identity.keys.root),
    domains: config.node.domains,
    invitation: makeInvitation(identity, config.node),
  };
}

async function acceptOffline(
  call: Call,
  request: { invitation: string; name: string | null; links: readonly string[] | null; exit: boolean },
): Promise<unknown> {
  const { loadConfig, besideConfig, openState, PeerBook, readInvitation } = await import("@estafette/daemon");
  const { formatKey } = await import("@estafette/config");
  const { systemRng } = await import("@estafette/runtime");
  const config = await loadConfig(configPath(call), call.io.env);
  const state = await openState(besideConfig(config.file, config.state.directory), systemRng());
  const book = await PeerBook.open(config, state.directory);
  const peer = await refusing(() => {
    const acceptance = { ...request, invitation: readInvitation(request.invitation) };
    return book.accept(acceptance, state.identity.keys.root);
  });
  return { name: peer.name, key: formatKey(peer.root), domains: peer.domains, links: peer.links };
}

/** What is wrong with an invitation is bad data, not a wrong configuration: as the running gateway answers. */
async function refusing(accept: () => Promise<AcceptedPeer>): Promise<AcceptedPeer> {
  try {
    return await accept();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fix = error.place.fix === undefined ? "" : `. ${error.place.fix}`;
    throw new CliError(EXIT.badData, `${error.message}${fix}`);
  }
}
