/*
 * The program that is cut off. Uses the built store as the daemon does, and writes a journal beside it:
 *
 *   > {"item":"m17","to":"waiting","bytes":300}     about to ask for this change
 *   < m17                                           it was acknowledged
 *
 * Arguments: state directory, journal, seed, number of rounds, first item number, FULL | NORMAL | OFF.
 */
import { createHash } from "node:crypto";
import { openSync, writeSync } from "node:fs";
import { openSpool } from "@estafette/spool";

const [directory, journalPath, seed, rounds, firstItem, synchronous] = process.argv.slice(2);
const journal = openSync(journalPath, "a");

const clock = {
  monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
  bootId: () => "workload",
  unixMs: () => 0,
  trust: () => "untrusted",
  timer(delayMs, onElapsed) {
    const timer = delayMs === 0 ? setImmediate(onElapsed) : setTimeout(onElapsed, delayMs);
    // The minute timer must not keep the program alive.
    if (delayMs > 1_000) timer.unref();
    return () => (delayMs === 0 ? clearImmediate(timer) : clearTimeout(timer));
  },
};

/** Reproducible chance: the n-th number of a seed. */
let drawn = 0;
function below(bound) {
  const hash = createHash("sha256").update(`${seed} ${firstItem} ${drawn++}`).digest();
  return hash.readUInt32LE() % bound;
}

const sixteen = (text) => createHash("sha256").update(text).digest().subarray(0, 16);
const here = sixteen("here");
const there = sixteen("there");
const hop = { link: "radio", neighbour: there };
const lifetimeMs = 3_600_000_000;

/** The content an item must come back with; the checker computes the same. */
function content(item, byteCount) {
  const block = createHash("sha256").update(item).digest();
  return Uint8Array.from({ length: byteCount }, (_, index) => block[index % 32] ^ (index >> 5));
}

const openOptions = { directory, clock, ballastBytes: 65_536 };
if (synchronous !== "FULL") openOptions.unsafeSynchronous = synchronous;
let spool;

const key = (item) => ({ origin: here, epoch: 7, sequence: Number(item.slice(1)) });
const envelopeOf = (item, byteCount, from) => ({
  id: sixteen(item),
  head: content(item, 200),
  transit: content(item, 30),
  destination: there,
  class: "normal",
  lifetimeMs,
  ageMs: 0,
  payload: content(item, byteCount),
  from,
  ackCommitment: null,
  hops: [hop],
});
const settleEnvelope = async (item, outcome) => {
  const [leg] = await spool.legsOf({ id: sixteen(item) });
  await spool.settleLeg(leg.legId, { outcome });
};
const deliveryOf = async (item) => {
  const all = await spool.listDeliveries({ openOnly: true, limit: 1_000 });
  return all.find((one) => one.key.sequence === Number(item.slice(1))).deliveryId;
};

/** From state to state: how an item gets there. */
const changes = {
  m: {
    none: ["waiting", (item, bytes) => spool.acceptMessages([messageOf(item, bytes)])],
    waiting: [
      "composed",
      (item, bytes) => spool.compose({ messages: [key(item)], envelope: envelopeOf(item, bytes, null) }),
    ],
    composed: ["forwarded", (item) => settleEnvelope(item, "taken")],
  },
  t: {
    none: ["held", (item, bytes) => spool.acceptEnvelope(envelopeOf(item, bytes, there))],
    held: ["released", (item) => settleEnvelope(item, "taken")],
  },
  d: {
    none: ["pending", (item, bytes) => spool.acceptArrival(arrivalOf(item, bytes))],
    pending: ["begun", async (item) => spool.beginDelivery(await deliveryOf(item))],
    begun: [
      "delivered",
      async (item) => {
        const result = { delivered: ["anna"], refused: [], retryAtMs: null, detail: "" };
        await spool.settleDelivery(await deliveryOf(item), result);
      },
    ],
  },
  s: {
    none: ["first", (item) => spool.putState(item, content(`${item} first`, 500))],
    first: ["second", (item) => spool.putState(item, content(`${item} second`, 900))],
    second: ["removed", (item) => spool.putState(item, null)],
  },
  p: {
    none: [
      "part",
      async (item) => {
        await spool.writePartial(sixteen(item), 2_000, 500, content(item, 2_000).subarray(500, 1_500));
        await spool.flush();
      },
    ],
    part: [
      "whole",
      async (item) => {
        await spool.writePartial(sixteen(item), 2_000, 0, content(item, 2_000));
        await spool.flush();
      },
    ],
  },
};

function messageOf(item, bytes) {
  return {
    key: key(item),
    submissionId: item,
    account: "anna",
    from: "anna@ship",
    to: ["ben@shore"],
    destination: there,
    mode: "end-to-end",
    class: "normal",
    lifetimeMs,
    receipt: false,
    body: content(item, bytes),
    bodyKind: "mail",
    hop,
  };
}

function arrivalOf(item, bytes) {
  const envelope = { id: sixteen(item), from: there, lifetimeMs, ageMs: 0, ackCommitment: null };
  const delivery = {
    key: key(item),
    kind: "mailbox",
    from: "ben@shore",
    to: ["anna"],
    body: content(item, bytes),
    envelopeId: sixteen(item),
    context: content(item, 60),
    lifetimeMs,
  };
  return { envelope, deliveries: [delivery], notes: [] };
}

const items = new Map();
let nextItem = Number(firstItem);

function pick(busy) {
  const open = [...items.keys()].filter((item) => {
    return !busy.has(item) && changes[item[0]][items.get(item).state] !== undefined;
  });
  if (open.length > 0 && below(3) > 0) return open[below(open.length)];
  const item = `${"mmttddsp"[below(8)]}${nextItem++}`;
  // One in twelve is a file of its own.
  items.set(item, { state: "none", bytes: below(12) === 0 ? 65_537 + below(30_000) : below(1_500) });
  return item;
}

async function change(item) {
  const { state, bytes } = items.get(item);
  const [to, run] = changes[item[0]][state];
  writeSync(journal, `> ${JSON.stringify({ item, to, bytes })}\n`);
  await run(item, bytes);
  writeSync(journal, `< ${item}\n`);
  items.set(item, { state: to, bytes });
}

try {
  spool = await openSpool(openOptions);
  process.send?.("ready");
  for (let round = 0; round < Number(rounds); round++) {
    const busy = new Set();
    for (let count = 1 + below(4); count > 0; count--) busy.add(pick(busy));
    const outcomes = await Promise.allSettled([...busy].map(change));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    // A full disk refuses and goes on; that item stays where it was.
    if (failed !== undefined && failed.reason.code !== "EST_OPERATING_DISK_FULL") throw failed.reason;
    if (below(25) === 0) {
      await spool.close();
      spool = await openSpool(openOptions);
      // Begun attempts are uncertain now and due again; the items know no such state.
    }
  }
  await spool.close();
} catch (error) {
  process.stderr.write(`${error.code ?? ""} ${error.message}\n`);
  process.exit(error.code?.startsWith("EST_OPERATING_DISK") ? 75 : 70);
}
