import { createHash } from "node:crypto";
import type { Clock } from "@estafette/contract";
import type { MessageKey, openSpool } from "@estafette/spool";

type Store = Awaited<ReturnType<typeof openSpool>>;

/** What the journal says about one item: the state last acknowledged, and the one asked for after it. */
export interface Expected {
  readonly acknowledged: string;
  readonly asked: string;
  readonly bytes: number;
}

/** Reads the workload's journal; see workload.mjs. A torn last line is nobody's promise. */
export function readJournal(text: string): ReadonlyMap<string, Expected> {
  const items = new Map<string, Expected>();
  for (const line of text.split("\n").slice(0, -1)) {
    if (line.startsWith("> ")) {
      const { item, to, bytes } = JSON.parse(line.slice(2)) as { item: string; to: string; bytes: number };
      items.set(item, { acknowledged: items.get(item)?.acknowledged ?? "none", asked: to, bytes });
    } else {
      const item = line.slice(2);
      const before = items.get(item);
      if (before !== undefined) items.set(item, { ...before, acknowledged: before.asked });
    }
  }
  return items;
}

/** A clock for looking at what was left: another boot, standing still. */
export function stillClock(bootId = "looking"): Clock {
  return {
    monotonicMs: () => 1,
    bootId: () => bootId,
    unixMs: () => 0,
    trust: () => "untrusted",
    timer(delayMs, onElapsed) {
      if (delayMs === 0) void Promise.resolve().then(onElapsed);
      return () => {};
    },
  };
}

/** Compares a store with what its user was promised. Returns one sentence per broken promise. */
export async function brokenPromises(
  store: Store,
  journal: ReadonlyMap<string, Expected>,
): Promise<readonly string[]> {
  const broken: string[] = [];
  const deliveries = new Map<number, string>();
  for (const one of await store.listDeliveries({ limit: 1_000 })) {
    const sound =
      one.end !== null || (await isSound(store.deliveryBody(one.deliveryId), `d${one.key.sequence}`));
    const state = one.end ?? (one.uncertain ? "begun" : "pending");
    deliveries.set(one.key.sequence, sound ? state : "damaged");
  }
  for (const [item, expected] of journal) {
    const found =
      item[0] === "d"
        ? (deliveries.get(Number(item.slice(1))) ?? "none")
        : await stateOf(store, item, expected);
    if (found !== expected.acknowledged && found !== expected.asked) {
      broken.push(`${item} is ${found}, not ${expected.acknowledged} or ${expected.asked}`);
    }
  }
  for (const sentence of await store.check()) broken.push(`the database: ${sentence}`);
  return broken;
}

function stateOf(store: Store, item: string, expected: Expected): Promise<string> {
  if (item[0] === "m") return messageState(store, item);
  if (item[0] === "t") return transitState(store, item);
  if (item[0] === "p") return partialState(store, item);
  return namedState(store, item, expected);
}

async function messageState(store: Store, item: string): Promise<string> {
  const key: MessageKey = { origin: sixteen("here"), epoch: 7, sequence: Number(item.slice(1)) };
  const record = await store.message(key);
  if (record === null) return "none";
  if (record.end !== null) return record.end;
  if (record.envelopeId === null) {
    return (await isSound(store.messageBody(key), item)) ? "waiting" : "damaged";
  }
  return (await isSound(store.envelopePayload(record.envelopeId), item)) ? "composed" : "damaged";
}

async function transitState(store: Store, item: string): Promise<string> {
  const id = sixteen(item);
  if ((await store.seen(id)) === null) return "none";
  if ((await store.envelope(id)) === null) return "released";
  return (await isSound(store.envelopePayload(id), item)) ? "held" : "damaged";
}

async function partialState(store: Store, item: string): Promise<string> {
  const partial = await store.partial(sixteen(item));
  if (partial === null) return "none";
  const whole = await store.readPartial(sixteen(item));
  if (whole !== null) return same(whole, content(item, 2_000)) ? "whole" : "damaged";
  const [range] = partial.ranges;
  return range?.start === 500 && range.end === 1_500 ? "part" : "other ranges";
}

async function namedState(store: Store, item: string, expected: Expected): Promise<string> {
  const value = await store.getState(item);
  if (value === null) return expected.asked === "removed" ? "removed" : "none";
  if (same(value, content(`${item} first`, 500))) return "first";
  return same(value, content(`${item} second`, 900)) ? "second" : "damaged";
}

/** Whether what came back is what the workload gave for this item. */
async function isSound(reading: Promise<Uint8Array | null>, item: string): Promise<boolean> {
  try {
    const bytes = await reading;
    return bytes !== null && same(bytes, content(item, bytes.length));
  } catch {
    // The store itself says that the item is damaged.
    return false;
  }
}

function sixteen(text: string): Uint8Array {
  return createHash("sha256").update(text).digest().subarray(0, 16);
}

const contents = new Map<string, Uint8Array>();

/** The same bytes as in workload.mjs; computed once, because thousands of images ask for them. */
function content(item: string, byteCount: number): Uint8Array {
  const name = `${item} ${byteCount}`;
  const known = contents.get(name);
  if (known !== undefined) return known;
  const block = createHash("sha256").update(item).digest();
  const bytes = Uint8Array.from({ length: byteCount }, (_, index) => (block[index % 32] ?? 0) ^ (index >> 5));
  if (contents.size < 2_000) contents.set(name, bytes);
  return bytes;
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
