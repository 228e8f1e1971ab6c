import type { Hop, NewDelivery, NewEnvelope, NewMessage, NewNote } from "@estafette/spool";

/** 16 bytes that are told apart by a number: addresses and envelope ids of tests. */
export function sixteen(value: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, value);
  bytes[0] = value & 0xff;
  return bytes;
}

/** Bytes that differ from their neighbours, so that a mix-up shows. */
export function content(byteCount: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: byteCount }, (_, index) => (index * 31 + seed * 17 + (index >> 8)) & 0xff);
}

/** Whether two contents are the same; a matcher that walks a megabyte of elements takes seconds. */
export function same(one: Uint8Array | null, other: Uint8Array): boolean {
  return one !== null && Buffer.compare(one, other) === 0;
}

export const HOUR_MS = 3_600_000;

export function hop(link: string | null = "radio", neighbour = 9): Hop {
  return { link, neighbour: sixteen(neighbour) };
}

export function message(sequence: number, changes: Partial<NewMessage> = {}): NewMessage {
  return {
    key: { origin: sixteen(1), epoch: 4_000_000_000, sequence },
    submissionId: `S-${sequence}`,
    account: "anna",
    from: "anna@ship.example",
    to: ["ben@shore.example"],
    destination: sixteen(2),
    mode: "end-to-end",
    class: "normal",
    lifetimeMs: 24 * HOUR_MS,
    receipt: false,
    body: content(100, sequence),
    bodyKind: "mail",
    hop: hop(),
    ...changes,
  };
}

export function envelope(id: number, changes: Partial<NewEnvelope> = {}): NewEnvelope {
  return {
    id: sixteen(id),
    head: content(120, id),
    transit: content(20, id),
    destination: sixteen(2),
    class: "normal",
    lifetimeMs: 24 * HOUR_MS,
    ageMs: HOUR_MS,
    payload: content(300, id),
    from: sixteen(7),
    ackCommitment: sixteen(id + 1),
    hops: [hop()],
    ...changes,
  };
}

export function delivery(sequence: number, changes: Partial<NewDelivery> = {}): NewDelivery {
  return {
    key: { origin: sixteen(3), epoch: 5, sequence },
    kind: "mailbox",
    from: "ben@shore.example",
    to: ["anna@ship.example"],
    body: content(200, sequence),
    envelopeId: null,
    place: null,
    context: content(40, sequence),
    lifetimeMs: 24 * HOUR_MS,
    ...changes,
  };
}

/** What acceptArrival takes, for one envelope. */
export function arrival(id: number, deliveries: readonly NewDelivery[], notes: readonly NewNote[] = []) {
  const header = {
    id: sixteen(id),
    from: sixteen(7),
    lifetimeMs: 24 * HOUR_MS,
    ageMs: 0,
    ackCommitment: null,
  };
  return { envelope: header, deliveries, notes };
}
