import {
  Cursor,
  header,
  headerExtras,
  headerKind,
  MAX,
  merkle,
  PAYLOAD_MAX,
  transit,
  U32,
  YEAR_2020,
} from "./second-codec.js";
import { type Bytes, equal, join, named, sha256, unhex } from "./second-crypto.js";
import type { HeadTemplateJson } from "./vector-case.js";

/** The second verifier's compact heads, from SPEC.md §6.1: the header's bytes are put together from what was told. */

interface Told {
  readonly bytes: Bytes;
  readonly sender: Bytes;
  readonly receiver: Bytes;
  readonly template: HeadTemplateJson | null;
  readonly payload: Bytes;
}

const addressOf = (root: Bytes) => named("address", root).slice(0, 16);

/** Null: the template it refers to is not here. */
export function compactHead(told: Told) {
  const c = new Cursor(told.bytes);
  const form = c.byte();
  const [kind, slot] = [form % 4, form >> 4];
  if (kind === 3 || (kind === 0 && slot > 0)) throw new Error("form");
  const { flags } = headerKind(c);
  const kindBytes = told.bytes.slice(1, c.at);
  if (kind === 2 && told.template?.slot !== slot) return null;
  const common = kind === 2 ? fromTemplate(c, flags, told.template!) : inFull(c, flags, told);
  const extrasAt = c.at;
  headerExtras(c, flags);
  const extras = told.bytes.slice(extrasAt, c.at);
  const payloadFollows = (form & 4) > 0;
  const facts = payloadFollows
    ? join(varint(told.payload.length), merkle(told.payload))
    : join(varint(c.varint(0, PAYLOAD_MAX)), c.take(32));
  const signature = c.take(64);
  const immutable = join(kindBytes, common, extras, facts);
  const fields = header(immutable);
  const id = sha256(immutable).slice(0, 16);
  const direct = named("chain-direct", id, addressOf(told.sender), told.receiver).slice(0, 16);
  const moving = form & 8 ? directTransit(c, direct) : transit(c.take(c.varint(0, 2_200)));
  if (!payloadFollows) c.done();
  if (moving.relayIndex > fields.relays.length) throw new Error("relay index beyond the list");
  const couldBeDirect = equal(fields.origin, told.sender) && isDirect(moving, direct);
  if (couldBeDirect !== (form & 8) > 0) throw new Error("told the longer way");
  const defines = kind === 1 ? slot : null;
  return {
    bytes: c.at,
    defines,
    usesTemplate: kind === 2,
    payloadFollows,
    immutable,
    signature,
    fields,
    id,
    moving,
  };
}

type Transit = ReturnType<typeof transit>;

function directTransit(c: Cursor, digest: Bytes): Transit {
  const chain = { elidedCount: 1, digest, last: null, entries: [] };
  return { hopsUsed: 0, ageS: c.varint(0, U32), relayIndex: 0, record: null, chain };
}

function isDirect({ hopsUsed, relayIndex, record, chain }: Transit, digest: Bytes): boolean {
  const plain = hopsUsed === 0 && relayIndex === 0 && record === null;
  return plain && chain.elidedCount === 1 && chain.entries.length === 0 && equal(chain.digest!, digest);
}

/** Destination to hop limit, as the header has them. */
function inFull(c: Cursor, flags: number, { sender, receiver }: Told): Bytes {
  const ends = c.byte(3);
  const origin = ends & 1 ? sender : c.take(32);
  const destination = ends & 2 ? receiver : c.take(16);
  if ((!(ends & 1) && equal(origin, sender)) || (!(ends & 2) && equal(destination, receiver)))
    throw new Error("an end told in full");
  const fixed = c.take(5);
  const sequence = varint(c.varint(0, MAX));
  const lifetime = varint(c.varint(3_600, 2_592_000));
  const hopLimit = c.take(1);
  const created = flags & 1 ? varint(c.varint(0, U32)) : new Uint8Array(0);
  return join(destination, origin, fixed, sequence, created, lifetime, hopLimit);
}

function fromTemplate(c: Cursor, flags: number, template: HeadTemplateJson): Bytes {
  const sequence = BigInt(template.sequence) + signed(c);
  const since = BigInt((template.createdUnixS ?? YEAR_2020) - YEAR_2020);
  const created = flags & 1 ? since + signed(c) : null;
  if (sequence < 0n || (created !== null && created < 0n)) throw new Error("below zero");
  const epoch = Buffer.alloc(5, template.keyEpoch);
  epoch.writeUInt32BE(template.epoch, 1);
  return join(
    unhex(template.destination),
    unhex(template.origin),
    epoch,
    varint(sequence),
    created === null ? new Uint8Array(0) : varint(created),
    varint(template.lifetimeS),
    Uint8Array.of(template.hopMax),
  );
}

/** 0, −1, 1, −2, 2 … */
function signed(c: Cursor): bigint {
  const coded = BigInt(c.varint(0, MAX));
  return coded % 2n === 0n ? coded / 2n : -(coded + 1n) / 2n;
}

function varint(value: number | bigint): Bytes {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
  return Uint8Array.of(...bytes, Number(rest));
}
