import type { IncomingMessage, ServerResponse } from "node:http";
import { formatKey } from "@estafette/config";
import type { Rng, Submission } from "@estafette/contract";
import type { Spool } from "@estafette/spool";
import { makeInvitation, readInvitation } from "../invitation.js";
import { DAEMON_LIMITS as LIMITS } from "../limits.js";
import { accountOf } from "../settings.js";
import { mediaTypeOf, readBody, readJson } from "./body.js";
import { EventStreams } from "./event-streams.js";
import { ApiProblem, problemOfRefusal } from "./problem.js";
import { renderMailList, renderPeers, renderQueue, renderStatus, renderTrace, timeOf } from "./render.js";
import { renderEstimate, renderRoute } from "./render-route.js";
import {
  CLASSES,
  objectOf,
  type SendContext,
  submissionOf,
  submissionOfMail,
  submit,
  weigh,
} from "./send.js";
import type { ApiParts } from "./server.js";

export interface ApiContext extends ApiParts {
  readonly rng: Rng;
  readonly spool: Pick<Spool, "nowMs">;
}

export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** May end in `/:id`. */
  readonly path: string;
  run(call: Call): Promise<Answer> | Answer;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly id: string;
}

export type Answer =
  | { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> }
  | "streaming";

const ok = (body: unknown): Answer => ({ status: 200, body });

/** Every path of the interface. */
export function createRoutes(context: ApiContext): readonly Route[] {
  const { relay } = context;
  const toTime = timeOf(context.clock, context.spool);
  const streams = new EventStreams(relay, context.clock);
  const sending: SendContext = { ...context, accounts: context.config.users.map(accountOf) };
  return [
    { method: "GET", path: "/v1/status", run: async () => ok(renderStatus(await relay.status())) },
    {
      method: "GET",
      path: "/v1/queue",
      run: async ({ query }) => ok(renderQueue(await relay.queue(limitOf(query)), toTime)),
    },
    { method: "GET", path: "/v1/messages/:id", run: async ({ id }) => trace(id) },
    { method: "DELETE", path: "/v1/messages/:id", run: async ({ id }) => remove(id) },
    {
      method: "GET",
      path: "/v1/mail",
      run: async ({ query }) => ok(renderMailList(await relay.queue(limitOf(query)), toTime)),
    },
    { method: "GET", path: "/v1/mail/:id", run: async ({ id }) => content(id) },
    {
      method: "GET",
      path: "/v1/peers",
      run: () => ok(renderPeers(context.book.peers(), context.book.awaited())),
    },
    { method: "POST", path: "/v1/peers/invite", run: () => ok(invite(context)) },
    {
      method: "POST",
      path: "/v1/peers/accept",
      run: async ({ request }) => ok(await accept(request, context)),
    },
    ...sendingRoutes(sending),
    { method: "GET", path: "/v1/route", run: async ({ query }) => routeTo(query, relay) },
    { method: "GET", path: "/v1/events", run: ({ response }) => streams.open(response) },
  ];

  async function trace(id: string): Promise<Answer> {
    const entries = await relay.trace(id);
    if (entries.length === 0) throw unknownMessage(id);
    return ok(renderTrace(id, entries, toTime));
  }

  async function remove(id: string): Promise<Answer> {
    const removed = await relay.remove(id);
    if (removed === 0) throw unknownMessage(id);
    return ok({ removed });
  }

  async function content(id: string): Promise<Answer> {
    const mail = await relay.content(id);
    if (mail === null) throw unknownMessage(id);
    const { from, to, rfc5322 } = mail;
    return ok({
      id,
      from,
      to,
      bytes: rfc5322.length,
      rfc5322_base64: Buffer.from(rfc5322).toString("base64"),
    });
  }
}

/** To send, and to ask what that would cost. */
function sendingRoutes(sending: SendContext): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/v1/send",
      run: async ({ request, query }) => ({
        status: 202,
        body: await submit(await posted(request, query, sending), sending),
      }),
    },
    {
      method: "POST",
      path: "/v1/estimate",
      run: async ({ request, query }) =>
        ok(renderEstimate(await weigh(await posted(request, query, sending), sending))),
    },
  ];
}

function unknownMessage(id: string): ApiProblem {
  return new ApiProblem(404, "unknown-message", `nothing is known here about ${id}`);
}

function limitOf(query: URLSearchParams): number {
  const given = query.get("limit");
  if (given === null) return 100;
  const limit = Number(given);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMITS.listMax) return limit;
  throw new ApiProblem(422, "malformed", `limit is a whole number, 1 to ${LIMITS.listMax}`);
}

/** What is to be sent or weighed: the fields of a message, or a whole mail. */
async function posted(
  request: IncomingMessage,
  query: URLSearchParams,
  context: SendContext,
): Promise<Submission> {
  switch (mediaTypeOf(request)) {
    case "application/json":
      return submissionOf(await readJson(request, LIMITS.requestBytesMax), context);
    case "message/rfc822": {
      const mail = await readBody(request, LIMITS.mailRequestBytesMax);
      return submissionOfMail(new Uint8Array(mail), query, context);
    }
    default:
      throw wrongMediaType("application/json or message/rfc822");
  }
}

async function routeTo(query: URLSearchParams, relay: ApiContext["relay"]): Promise<Answer> {
  const ofClass = CLASSES.find((c) => c === (query.get("class") ?? "normal"));
  const bytes = Number(query.get("bytes") ?? "1000");
  const to = query.get("to") ?? "";
  if (ofClass === undefined) throw new ApiProblem(422, "malformed", `class: is one of ${CLASSES.join(", ")}`);
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > LIMITS.routeBytesMax)
    throw new ApiProblem(422, "malformed", `bytes: is a whole number, 1 to ${LIMITS.routeBytesMax}`);
  if (to === "" || to.length > LIMITS.routeAddressCharactersMax)
    throw new ApiProblem(422, "malformed", "to: is a mail address, a node address or a peer");
  const route = await relay.explainRoute({ to, bytes, class: ofClass });
  if ("outcome" in route) throw problemOfRefusal(route);
  return ok(renderRoute(route));
}

function wrongMediaType(wanted: string): ApiProblem {
  return new ApiProblem(415, "media-type", `content-type must be ${wanted}`);
}

function invite({ state, config }: ApiContext): unknown {
  return {
    name: config.node.name,
    key: formatKey(state.identity.keys.root),
    domains: config.node.domains,
    invitation: makeInvitation(state.identity, config.node),
  };
}

async function accept(request: IncomingMessage, { book, state, relay }: ApiContext): Promise<unknown> {
  if (mediaTypeOf(request) !== "application/json") throw wrongMediaType("application/json");
  const fields = objectOf(await readJson(request, LIMITS.requestBytesMax));
  const { invitation, name = null, links = null, exit = false } = fields;
  const goodLinks = links === null || (Array.isArray(links) && links.every((l) => typeof l === "string"));
  const goodName =
    name === null || (typeof name === "string" && /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(name));
  if (typeof invitation !== "string") throw new ApiProblem(422, "malformed", "invitation: is text");
  if (!goodName) throw new ApiProblem(422, "malformed", "name: 1 to 32 of a-z, 0-9 and inner hyphens");
  if (!goodLinks) throw new ApiProblem(422, "malformed", "links: is a list of names");
  if (typeof exit !== "boolean") throw new ApiProblem(422, "malformed", "exit: is true or false");
  const acceptance = {
    invitation: readInvitation(invitation),
    name: name as string | null,
    links: links as readonly string[] | null,
    exit,
  };
  const peer = await book.accept(acceptance, state.identity.keys.root);
  await relay.setPeers(book.peers());
  return { name: peer.name, key: formatKey(peer.root), domains: peer.domains, links: peer.links };
}
