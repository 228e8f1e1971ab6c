import { rebuildMail } from "@estafette/mail";
import { publicIdOf, toHex } from "@estafette/protocol";
import type { DeliveryRecord, EnvelopeRecord, Leg, MessageRecord } from "@estafette/spool";
import type { QueueView, TraceEntry } from "./api.js";
import { type Core, keyText } from "./core.js";
import { mailOf } from "./deliveries.js";
import { reasonOf } from "./explain.js";
import { LIMITS } from "./limits.js";

/** How many rows a view ever looks through. Our choice: what a person can still read. */
const VIEW_ROWS_MAX = 10_000;

/** What people are shown. Reads only. */
export async function queueView(core: Core, limit: number): Promise<QueueView> {
  const bounded = Math.min(limit, VIEW_ROWS_MAX);
  const messages = await core.spool.listMessages({ openOnly: true, limit: bounded });
  const envelopes = await core.spool.listEnvelopes(bounded);
  return {
    messages,
    envelopes,
    ways: await waysOf(core, messages, envelopes),
    deliveries: await core.spool.listDeliveries({ openOnly: true, limit: bounded }),
  };
}

/** The way of each of the first rows, by message key as text or envelope id in hex. Of several copies, the first. */
async function waysOf(
  core: Core,
  messages: readonly MessageRecord[],
  envelopes: readonly EnvelopeRecord[],
): Promise<ReadonlyMap<string, string>> {
  const ways = new Map<string, string>();
  const rows = [
    ...messages.map(({ key, envelopeId }) => ({
      name: keyText(key),
      of: envelopeId ? { id: envelopeId } : { key },
    })),
    ...envelopes.map(({ id }) => ({ name: toHex(id), of: { id } })),
  ];
  for (const { name, of } of rows.slice(0, LIMITS.explainedRowsMax)) {
    const [leg] = await core.spool.legsOf(of);
    if (leg) ways.set(name, await describeLeg(core, leg));
  }
  return ways;
}

/** Everything known here about one message, by submission id, or envelope id in hex. */
export async function trace(core: Core, id: string): Promise<readonly TraceEntry[]> {
  const entries: TraceEntry[] = [];
  for (const message of await core.spool.listMessages({ submissionId: id, limit: VIEW_ROWS_MAX })) {
    entries.push({ what: "message", text: describeMessage(message), message });
    for (const leg of await core.spool.legsOf({ key: message.key }))
      entries.push({ what: "leg", text: await describeLeg(core, leg), leg });
    if (message.envelopeId) entries.push(...(await envelopeEntries(core, message.envelopeId)));
  }
  if (/^[0-9a-f]{32}$/.test(id)) entries.push(...(await envelopeEntries(core, Buffer.from(id, "hex"))));
  for (const delivery of await core.spool.listDeliveries({ limit: VIEW_ROWS_MAX })) {
    const matches =
      deliveryId(delivery) === id || (delivery.envelopeId !== null && toHex(delivery.envelopeId) === id);
    if (matches)
      entries.push({
        what: "delivery",
        text: describeDelivery(delivery),
        delivery,
        ...pathOf(core, delivery),
      });
  }
  return entries;
}

async function envelopeEntries(core: Core, id: Uint8Array): Promise<readonly TraceEntry[]> {
  const envelope = await core.spool.envelope(id);
  if (!envelope) return [];
  const entries: TraceEntry[] = [{ what: "envelope", text: describeEnvelope(core, envelope), envelope }];
  for (const leg of await core.spool.legsOf({ id }))
    entries.push({ what: "leg", text: await describeLeg(core, leg), leg });
  return entries;
}

function deliveryId(delivery: DeliveryRecord): string {
  const { origin, epoch, sequence } = delivery.key;
  return publicIdOf(origin, epoch, sequence);
}

/** Once a delivery has ended its context is gone, and the path stands in its detail. */
function pathOf(core: Core, delivery: DeliveryRecord): { readonly path?: string } {
  if (delivery.context.length === 0) return {};
  const bytes = core.vault.open(delivery.context, `delivery/${keyText(delivery.key)}/context`);
  return { path: (JSON.parse(new TextDecoder().decode(bytes)) as { path: string }).path };
}

function describeMessage(m: MessageRecord): string {
  const state = m.end ?? (m.envelopeId ? "waits for the neighbour or for its receipt" : "waits for its link");
  return `${m.from || "(notice)"} -> ${m.to.join(", ")}: ${state}${m.detail ? ` (${m.detail})` : ""}`;
}

function describeEnvelope(core: Core, e: EnvelopeRecord): string {
  const from = e.from ? core.directory.nameOf(e.from) : "composed here";
  return `envelope ${toHex(e.id)} for ${core.directory.nameOf(e.destination)}, ${e.payloadBytes} B, ${from}`;
}

/** The reason is worked out as things are now, not kept: it is what decides whether the leg stays there. */
async function describeLeg(core: Core, leg: Leg): Promise<string> {
  const { hop, attempts } = leg;
  const where = `next hop ${core.directory.nameOf(hop.neighbour)} over ${hop.link ?? "no link yet"}`;
  return `${where}, ${attempts} attempts: ${await reasonOf(core, leg)}`;
}

function describeDelivery(d: DeliveryRecord): string {
  return `${d.kind} ${d.to.join(", ")}: ${d.end ?? `waits for the ${d.kind}`}${d.detail ? ` (${d.detail})` : ""}`;
}

/** The mail itself while it is still here. */
export async function contentOf(
  core: Core,
  id: string,
): Promise<{ readonly from: string; readonly to: readonly string[]; readonly rfc5322: Uint8Array } | null> {
  const [message] = await core.spool.listMessages({ submissionId: id, limit: 1 });
  const sealed = message && (await core.spool.messageBody(message.key));
  if (message && sealed) {
    const body = core.vault.open(sealed, `message/${keyText(message.key)}`);
    return {
      from: message.from,
      to: message.to,
      rfc5322: message.bodyKind === "text" ? body : rebuildMail(body, {}),
    };
  }
  for (const delivery of await core.spool.listDeliveries({ limit: VIEW_ROWS_MAX })) {
    const mail = deliveryId(delivery) === id ? await mailOf(core, delivery) : null;
    if (mail) return { from: delivery.from, to: delivery.to, rfc5322: mail };
  }
  return null;
}
