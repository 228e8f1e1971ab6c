import { CLASS_RANK, type EndState } from "@estafette/spool";

type ClassName = keyof typeof CLASS_RANK;

interface ModelMessage {
  readonly sequence: number;
  readonly className: ClassName;
  readonly deadlineMs: number;
  bodyBytes: number;
  readonly receipt: boolean;
  /** Whose turn it takes. */
  readonly flow: string;
  envelope: number | null;
  end: EndState | null;
}

interface ModelEnvelope {
  readonly id: number;
  readonly className: ClassName;
  readonly deadlineMs: number;
  readonly payloadBytes: number;
  readonly isOwn: boolean;
  readonly destination: number;
  readonly flow: string;
  takenCount: number;
}

interface ModelLeg {
  link: string | null;
  readonly neighbour: number;
  readonly className: ClassName;
  readonly deadlineMs: number;
  readonly what: string;
  readonly flow: string;
  notBeforeMs: number;
  isWaiting: boolean;
  attempts: number;
}

interface ModelDelivery {
  readonly sequence: number;
  readonly deadlineMs: number;
  readonly bodyBytes: number;
  pending: readonly string[];
  nextAtMs: number;
  attempts: number;
  servedCount: number;
  isBegun: boolean;
  uncertain: boolean;
  end: EndState | null;
}

/** What a spool promises, as simply as it can be said: lists in memory, no bounds, no disk. */
export class SpoolModel {
  nowMs = 0;
  readonly messages: ModelMessage[] = [];
  envelopes: ModelEnvelope[] = [];
  /** In the order they were made, which is the order of their ids. */
  legs: ModelLeg[] = [];
  readonly deliveries: ModelDelivery[] = [];
  readonly seen = new Set<number>();
  readonly claims = new Set<string>();
  /** For each unfinished payload, which bytes are here. */
  readonly partials = new Map<number, boolean[]>();
  readonly state = new Map<string, number>();

  accept(
    message: Omit<ModelMessage, "envelope" | "end">,
    hop: { link: string | null; neighbour: number },
  ): void {
    this.messages.push({ ...message, envelope: null, end: null });
    this.addLeg(`message ${message.sequence}`, message, hop);
  }

  keepEnvelope(
    envelope: Omit<ModelEnvelope, "takenCount">,
    hops: readonly { link: string | null; neighbour: number }[],
  ): "kept" | "already-held" {
    if (this.seen.has(envelope.id)) return "already-held";
    this.seen.add(envelope.id);
    this.partials.delete(envelope.id);
    this.envelopes.push({ ...envelope, takenCount: 0 });
    for (const hop of hops) this.addLeg(`envelope ${envelope.id}`, envelope, hop);
    return "kept";
  }

  arrive(
    id: number,
    delivery: { sequence: number; to: readonly string[]; deadlineMs: number; bodyBytes: number },
  ): "kept" | "already-held" {
    if (this.seen.has(id)) return "already-held";
    this.seen.add(id);
    this.partials.delete(id);
    const pending: string[] = [];
    for (const to of delivery.to) {
      const claim = `${delivery.sequence} ${to}`;
      if (!this.claims.has(claim)) pending.push(to);
      this.claims.add(claim);
    }
    if (pending.length > 0) {
      const fresh = { attempts: 0, servedCount: 0, isBegun: false, uncertain: false, end: null };
      this.deliveries.push({ ...delivery, ...fresh, pending, nextAtMs: this.nowMs });
    }
    return "kept";
  }

  compose(
    sequences: readonly number[],
    envelope: Omit<ModelEnvelope, "takenCount">,
    link: string | null,
  ): void {
    for (const message of this.messages.filter((one) => sequences.includes(one.sequence))) {
      message.envelope = envelope.id;
      this.dropLegs(`message ${message.sequence}`);
    }
    this.keepEnvelope(envelope, [{ link, neighbour: 9 }]);
  }

  decompose(
    id: number,
    named: readonly number[],
    back: { readonly bodyBytes: number; readonly hop: { link: string | null; neighbour: number } },
  ): boolean | "refused" {
    const envelope = this.envelopes.find((one) => one.id === id);
    if (envelope === undefined) return false;
    const open = this.openIn(id);
    if (!envelope.isOwn || open.some((one) => !named.includes(one.sequence))) return "refused";
    for (const message of open) {
      Object.assign(message, { envelope: null, bodyBytes: back.bodyBytes });
      this.addLeg(`message ${message.sequence}`, message, back.hop);
    }
    this.purge(id, "deleted");
    return true;
  }

  /** Messages that may be joined with the one this leg carries, by flow; null: it does not wait. */
  joinable(leg: ModelLeg): ReadonlyMap<string, readonly number[]> | null {
    const lead = this.waitingOf(leg.what);
    if (lead === null || leg.link === null) return null;
    const others = [...this.ready(leg.link, leg.neighbour).values()]
      .flat()
      .map((what) => this.waitingOf(what));
    const joined = others.filter((one) => one !== null && one !== lead && one.className === lead.className);
    return grouped(
      joined.filter((one) => one !== null),
      (one) => one.flow,
      (one) => one.sequence,
    );
  }

  private waitingOf(what: string): ModelMessage | null {
    const message = this.messages.find((one) => `message ${one.sequence}` === what);
    return message !== undefined && message.envelope === null && message.end === null ? message : null;
  }

  settleLeg(leg: ModelLeg, outcome: "taken" | "refused" | { readonly retryAtMs: number }): void {
    if (typeof outcome === "object") {
      leg.attempts++;
      leg.notBeforeMs = outcome.retryAtMs;
      leg.isWaiting = outcome.retryAtMs > this.nowMs;
      return;
    }
    this.legs = this.legs.filter((one) => one !== leg);
    const end = outcome === "taken" ? "forwarded" : "refused";
    const message = this.messages.find((one) => `message ${one.sequence}` === leg.what);
    if (message !== undefined) message.end = end;
    const envelope = this.envelopes.find((one) => `envelope ${one.id}` === leg.what);
    if (envelope === undefined) return;
    if (outcome === "taken") envelope.takenCount++;
    if (outcome === "taken" && leg.neighbour === envelope.destination) this.dropLegs(leg.what);
    if (this.legs.some((one) => one.what === leg.what)) return;
    if (envelope.takenCount === 0) this.purge(envelope.id, "refused");
    for (const one of this.openIn(envelope.id)) if (!one.receipt) one.end = "forwarded";
    if (this.openIn(envelope.id).length === 0) this.purge(envelope.id, "forwarded");
  }

  /** Removes the copy and ends what is still open in it. */
  purge(id: number, end: EndState): void {
    if (!this.envelopes.some((one) => one.id === id)) return;
    for (const message of this.openIn(id)) message.end = end;
    this.envelopes = this.envelopes.filter((one) => one.id !== id);
    this.dropLegs(`envelope ${id}`);
  }

  end(sequence: number, end: EndState): boolean {
    const message = this.messages.find((one) => one.sequence === sequence && one.end === null);
    if (message === undefined) return false;
    message.end = end;
    this.dropLegs(`message ${sequence}`);
    const { envelope } = message;
    if (envelope !== null && this.openIn(envelope).length === 0) this.purge(envelope, end);
    return true;
  }

  promote(): void {
    for (const leg of this.legs) if (leg.notBeforeMs <= this.nowMs) leg.isWaiting = false;
  }

  expire(): void {
    for (const one of this.messages) if (one.deadlineMs <= this.nowMs) this.end(one.sequence, "expired");
    for (const one of this.envelopes) if (one.deadlineMs <= this.nowMs) this.purge(one.id, "expired");
    for (const one of this.deliveries) {
      if (one.end !== null || one.isBegun || one.deadlineMs > this.nowMs) continue;
      one.end = "expired";
      for (const to of one.pending) this.claims.delete(`${one.sequence} ${to}`);
    }
  }

  begin(delivery: ModelDelivery): boolean {
    if (delivery.end !== null) return false;
    if (delivery.isBegun) delivery.uncertain = true;
    delivery.isBegun = true;
    delivery.attempts++;
    return true;
  }

  finish(
    delivery: ModelDelivery,
    served: readonly string[],
    refused: readonly string[],
    retryAtMs: number,
  ): void {
    if (delivery.end !== null) return;
    delivery.isBegun = false;
    delivery.nextAtMs = retryAtMs;
    delivery.servedCount += served.length;
    for (const to of refused) this.claims.delete(`${delivery.sequence} ${to}`);
    delivery.pending = delivery.pending.filter((to) => !served.includes(to) && !refused.includes(to));
    if (delivery.pending.length > 0) return;
    delivery.end = delivery.servedCount > 0 ? "delivered" : "refused";
  }

  write(id: number, totalBytes: number, start: number, end: number, isHeld: boolean): void {
    const held = this.partials.get(id);
    if (held === undefined && !isHeld) return;
    const bytes = held ?? Array.from({ length: totalBytes }, () => false);
    bytes.fill(isHeld, start, end);
    this.partials.set(id, bytes);
  }

  /** Attempts that were begun have an outcome nobody knows. */
  restart(): void {
    for (const one of this.deliveries) {
      if (one.isBegun) one.uncertain = true;
      one.isBegun = false;
    }
  }

  openIn(envelope: number): ModelMessage[] {
    return this.messages.filter((one) => one.envelope === envelope && one.end === null);
  }

  /** What may go there, by class and flow, each in its order. Whose turn it is between them is for the store to say. */
  ready(link: string, neighbour: number): ReadonlyMap<string, readonly string[]> {
    const legs = this.legs.filter(
      (leg) =>
        leg.link === link && leg.neighbour === neighbour && !leg.isWaiting && leg.deadlineMs > this.nowMs,
    );
    return grouped(
      legs.sort((a, b) => a.deadlineMs - b.deadlineMs),
      (leg) => `${CLASS_RANK[leg.className]} ${leg.flow}`,
      (leg) => leg.what,
    );
  }

  flowOf(what: string): string {
    return this.legs.find((leg) => leg.what === what)?.flow ?? "";
  }

  due(): number[] {
    return this.deliveries
      .map((one, order) => ({ one, order }))
      .filter(
        ({ one }) =>
          one.end === null && !one.isBegun && one.nextAtMs <= this.nowMs && one.deadlineMs > this.nowMs,
      )
      .sort((a, b) => a.one.nextAtMs - b.one.nextAtMs || a.order - b.order)
      .map(({ one }) => one.sequence);
  }

  private addLeg(
    what: string,
    of: { readonly className: ClassName; readonly deadlineMs: number; readonly flow: string },
    hop: { link: string | null; neighbour: number },
  ): void {
    const { className, deadlineMs, flow } = of;
    this.legs.push({
      ...hop,
      className,
      deadlineMs,
      flow,
      what,
      notBeforeMs: 0,
      isWaiting: false,
      attempts: 0,
    });
  }

  private dropLegs(what: string): void {
    this.legs = this.legs.filter((leg) => leg.what !== what);
  }
}

/** Lists by a key, in the order they come. */
export function grouped<T, V>(
  list: readonly T[],
  keyOf: (one: T) => string,
  pick: (one: T) => V,
): ReadonlyMap<string, readonly V[]> {
  const groups = new Map<string, V[]>();
  for (const one of list) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), pick(one)]);
  return groups;
}
