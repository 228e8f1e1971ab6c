import { CLASS_RANK, type EndState } from "@estafette/spool";
import { expect } from "vitest";
import { grouped, SpoolModel } from "./spool-model.js";
import { arrival, content, delivery, envelope, HOUR_MS, message, sixteen } from "./spool-samples.js";
import { allLegs, LINKS, PARTIAL_IDS, STATE_NAMES, sightOfModel, sightOfSpool } from "./spool-sight.js";
import type { SpoolWorld } from "./spool-world.js";

/** What happens next, as plain data: numbers pick among what is there, so that any list of them makes sense. */
export interface HistoryStep {
  readonly act: (typeof HISTORY_ACTS)[number];
  readonly pick: number;
  readonly more: number;
}

export const HISTORY_ACTS = [
  "accept",
  "envelope",
  "arrive",
  "compose",
  "decompose",
  "join",
  "taken",
  "refused",
  "retry",
  "replan",
  "receipt",
  "end",
  "endSome",
  "begin",
  "finish",
  "write",
  "drop",
  "state",
  "pass",
  "promote",
  "expire",
  "restart",
  "crash",
] as const;

const CLASSES = Object.keys(CLASS_RANK) as (keyof typeof CLASS_RANK)[];
const ENDS: readonly EndState[] = ["delivered", "expired", "refused", "deleted"];
const SOME_ENDS = ["delivered", "forwarded", "refused"] as const;
const TOTAL_BYTES = 40;

/** Lives one history in a store and in the model, and compares all that can be seen after each step. */
export async function liveHistory(world: SpoolWorld, steps: readonly HistoryStep[]): Promise<void> {
  const history = new History(world);
  for (const step of steps) {
    history.model.nowMs = world.spool.nowMs();
    await history.live(step);
    history.model.nowMs = world.spool.nowMs();
    const flowOf = (what: string) => history.model.flowOf(what);
    expect(await sightOfSpool(world.spool, flowOf)).toEqual(sightOfModel(history.model));
  }
}

class History {
  readonly model = new SpoolModel();
  private nextNumber = 100;
  /** Ids that no other act picks. */
  private nextEnvelope = 1_000;

  constructor(private readonly world: SpoolWorld) {}

  async live(step: HistoryStep): Promise<void> {
    await this[step.act](step);
  }

  private async accept({ pick, more }: HistoryStep): Promise<void> {
    const account = `user ${pick % 3}`;
    const fresh = Array.from({ length: 1 + (more % 2) }, () =>
      message(this.nextNumber++, {
        account,
        class: at(CLASSES, pick),
        lifetimeMs: (1 + (pick % 3)) * HOUR_MS,
        receipt: more % 3 === 0,
        body: content(more),
        hop: { link: at(LINKS, more), neighbour: sixteen(9) },
      }),
    );
    await this.world.spool.acceptMessages(fresh);
    for (const one of fresh) {
      const deadlineMs = this.model.nowMs + one.lifetimeMs;
      const { receipt, hop } = one;
      this.model.accept(
        {
          sequence: one.key.sequence,
          className: one.class,
          deadlineMs,
          bodyBytes: one.body.length,
          receipt,
          flow: account,
        },
        { link: hop.link, neighbour: 9 },
      );
    }
  }

  private async envelope({ pick, more }: HistoryStep): Promise<void> {
    // Now and then an id that was there before, or one that has a partial.
    const id =
      pick % 4 === 0 ? at(PARTIAL_IDS, more) : pick % 4 === 1 ? 100 + (more % 20) : this.nextNumber++;
    const hops = [9, 8].slice(0, 1 + (pick % 2)).map((neighbour) => ({ link: at(LINKS, more), neighbour }));
    const fresh = this.ownEnvelope(id, pick, more);
    const answer = await this.world.spool.acceptEnvelope({
      ...fresh.given,
      from: sixteen(7),
      origin: sixteen(more % 2),
      hops: hops.map(({ link, neighbour }) => ({ link, neighbour: sixteen(neighbour) })),
    });
    expect(answer).toBe(
      this.model.keepEnvelope({ ...fresh.modelled, isOwn: false, flow: `origin ${more % 2}` }, hops),
    );
  }

  private async arrive({ pick, more }: HistoryStep): Promise<void> {
    const id = pick % 5 === 0 ? 100 + (more % 20) : this.nextNumber++;
    const to = ["x", "y", "z"].slice(0, 1 + (more % 3));
    const fresh = delivery(pick % 6, { to, lifetimeMs: (1 + (more % 2)) * HOUR_MS, body: content(more) });
    const answer = await this.world.spool.acceptArrival(arrival(id, [fresh]));
    const deadlineMs = this.model.nowMs + fresh.lifetimeMs;
    expect(answer.outcome).toBe(
      this.model.arrive(id, { sequence: pick % 6, to, deadlineMs, bodyBytes: more }),
    );
  }

  private async compose({ pick, more }: HistoryStep): Promise<void> {
    const waiting = this.model.messages.filter((one) => one.envelope === null && one.end === null);
    const chosen = waiting.slice(pick % (waiting.length + 1), (pick % (waiting.length + 1)) + 1 + (more % 3));
    if (chosen.length === 0) return;
    const link = at(LINKS, more);
    const fresh = this.ownEnvelope(this.nextEnvelope++, pick, more);
    const hops = [{ link, neighbour: sixteen(9) }];
    const messages = chosen.map((one) => message(one.sequence).key);
    await this.world.spool.compose({ messages, envelope: { ...fresh.given, from: null, hops } });
    this.model.compose(
      chosen.map((one) => one.sequence),
      { ...fresh.modelled, isOwn: true, flow: chosen[0]?.flow ?? "" },
      link,
    );
  }

  /** The envelopes of our own come apart when all that is open in them is named. */
  private async decompose({ pick, more }: HistoryStep): Promise<void> {
    const envelope = this.model.envelopes[pick % Math.max(1, this.model.envelopes.length)];
    const id = envelope?.id ?? 9_999;
    const named = this.model.messages.filter((one) => one.envelope === id).map((one) => one.sequence);
    if (more % 3 === 0) named.pop();
    const back = { link: at(LINKS, more), neighbour: 9 };
    const waiting = named.map((sequence) => ({
      key: message(sequence).key,
      body: content(more, 3),
      hop: { ...back, neighbour: sixteen(back.neighbour) },
    }));
    const answer = await this.world.spool.decompose(sixteen(id), waiting).catch(() => "refused");
    expect(answer).toBe(this.model.decompose(id, named, { bodyBytes: more, hop: back }));
  }

  private async join({ pick, more }: HistoryStep): Promise<void> {
    const legs = await allLegs(this.world.spool);
    const [leg, modelled] = [
      legs[pick % Math.max(1, legs.length)],
      this.model.legs[pick % Math.max(1, legs.length)],
    ];
    if (leg === undefined || modelled === undefined) return;
    const limits = { limit: 1 + (more % 9), bodyBytesMax: more % 2 === 0 ? 1_000_000 : more * 2 };
    const [first, ...others] = (await this.world.spool.companions(leg, limits)).map(({ record }) => record);
    const joinable = this.model.joinable(modelled);
    expect(first === undefined).toBe(joinable === null);
    if (first === undefined || joinable === null) return;
    expect(`message ${first.key.sequence}`).toBe(modelled.what);
    const ofFlow = grouped(
      others,
      (one) => one.account ?? "",
      (one) => one.key.sequence,
    );
    for (const [flow, own] of ofFlow) expect(joinable.get(flow)?.slice(0, own.length)).toEqual(own);
    const bytes = others.reduce((sum, one) => sum + one.bodyBytes, first.bodyBytes);
    if (others.length > 0) expect(bytes).toBeLessThanOrEqual(limits.bodyBytesMax);
    const count = Math.min(limits.limit - 1, [...joinable.values()].flat().length);
    if (more % 2 === 0) expect(others).toHaveLength(count);
    else expect(others.length).toBeLessThanOrEqual(count);
  }

  private taken(step: HistoryStep): Promise<void> {
    return this.settle(step, "taken");
  }

  private refused(step: HistoryStep): Promise<void> {
    return this.settle(step, "refused");
  }

  private retry(step: HistoryStep): Promise<void> {
    return this.settle(step, { retryAtMs: this.model.nowMs + (step.more % 4) * 600_000 });
  }

  private async settle(step: HistoryStep, outcome: Parameters<SpoolModel["settleLeg"]>[1]): Promise<void> {
    const legs = await allLegs(this.world.spool);
    const index = step.pick % Math.max(1, legs.length);
    const [leg, modelled] = [legs[index], this.model.legs[index]];
    if (leg === undefined || modelled === undefined) return;
    const given =
      typeof outcome === "object"
        ? ({ outcome: "retry", atMs: outcome.retryAtMs, why: "no answer" } as const)
        : outcome === "taken"
          ? ({ outcome } as const)
          : ({ outcome, why: "never" } as const);
    const before = [...this.model.legs];
    const { cancelled } = await this.world.spool.settleLeg(leg.legId, given);
    this.model.settleLeg(modelled, outcome);
    const others = before.filter((one) => one !== modelled && one.what === modelled.what);
    expect(cancelled).toHaveLength(others.filter((one) => !this.model.legs.includes(one)).length);
  }

  private async replan({ pick, more }: HistoryStep): Promise<void> {
    const legs = await allLegs(this.world.spool);
    const index = pick % Math.max(1, legs.length);
    const [leg, modelled] = [legs[index], this.model.legs[index]];
    if (leg === undefined || modelled === undefined) return;
    modelled.link = at(LINKS, more);
    await this.world.spool.replan(leg.legId, { ...leg.hop, link: modelled.link });
  }

  private async receipt({ pick, more }: HistoryStep): Promise<void> {
    const id = this.model.envelopes[pick % Math.max(1, this.model.envelopes.length)]?.id ?? 9_999;
    const end = more % 2 === 0 ? "delivered" : "refused";
    const open = this.model.openIn(id).map((one) => one.sequence);
    const ended = await this.world.spool.settleEnvelope(sixteen(id), end, "told");
    expect(ended.map((one) => [one.key.sequence, one.end])).toEqual(open.map((sequence) => [sequence, end]));
    this.model.purge(id, end);
  }

  private async end({ pick, more }: HistoryStep): Promise<void> {
    const sequence = this.model.messages[pick % Math.max(1, this.model.messages.length)]?.sequence ?? 9_999;
    const end = at(ENDS, more);
    const ended = await this.world.spool.endMessage(message(sequence).key, end, "so");
    expect(ended !== null).toBe(this.model.end(sequence, end));
  }

  private async endSome({ pick, more }: HistoryStep): Promise<void> {
    const { messages } = this.model;
    const from = pick % Math.max(1, messages.length);
    const some = messages.slice(from, from + 1 + (more % 3)).map((one) => one.sequence);
    const end = at(SOME_ENDS, more);
    const keys = some.map((sequence) => message(sequence).key);
    const ended = await this.world.spool.settleMessages(keys, end, "so");
    const expected = some.filter((sequence) => this.model.end(sequence, end));
    expect(ended.map((one) => [one.key.sequence, one.end])).toEqual(
      expected.map((sequence) => [sequence, end]),
    );
  }

  private async begin({ pick }: HistoryStep): Promise<void> {
    const { spool } = this.world;
    const records = (await spool.listDeliveries({ limit: 1_000 })).toReversed();
    const index = pick % Math.max(1, records.length);
    const [record, modelled] = [records[index], this.model.deliveries[index]];
    if (record === undefined || modelled === undefined) return;
    const isBegun = await spool.beginDelivery(record.deliveryId).then(
      () => true,
      () => false,
    );
    expect(isBegun).toBe(this.model.begin(modelled));
  }

  private async finish({ pick, more }: HistoryStep): Promise<void> {
    const records = (await this.world.spool.listDeliveries({ limit: 1_000 })).toReversed();
    const index = pick % Math.max(1, records.length);
    const [record, modelled] = [records[index], this.model.deliveries[index]];
    if (record === undefined || modelled === undefined) return;
    const delivered = modelled.pending.slice(0, more % 3);
    const refused = modelled.pending.slice(more % 3, (more % 3) + (pick % 2));
    const retryAtMs = this.model.nowMs + (more % 4) * 600_000;
    await this.world.spool.settleDelivery(record.deliveryId, { delivered, refused, retryAtMs, detail: "so" });
    this.model.finish(modelled, delivered, refused, retryAtMs);
  }

  private async write({ pick, more }: HistoryStep): Promise<void> {
    const id = at(PARTIAL_IDS, pick);
    const start = more % TOTAL_BYTES;
    const end = Math.min(TOTAL_BYTES, start + 1 + (pick % 15));
    const whole = content(TOTAL_BYTES, id);
    await this.world.spool.writePartial(sixteen(id), TOTAL_BYTES, start, whole.subarray(start, end));
    this.model.write(id, TOTAL_BYTES, start, end, true);
    const isWhole = this.model.partials.get(id)?.every((isHeld) => isHeld) ?? false;
    expect(await this.world.spool.readPartial(sixteen(id))).toEqual(isWhole ? whole : null);
    const [from, to] = [more % 30, (more % 30) + (pick % 20)];
    const held = this.model.partials.get(id)?.slice(from, to) ?? [];
    const isHeld = held.length === to - from && held.every((one) => one);
    const read = await this.world.spool.readPartialRange(sixteen(id), from, to);
    if (to > from) expect(read).toEqual(isHeld ? whole.subarray(from, to) : null);
  }

  private async drop({ pick, more }: HistoryStep): Promise<void> {
    const id = at(PARTIAL_IDS, pick);
    if (more % 4 === 0) {
      await this.world.spool.dropPartial(sixteen(id));
      this.model.partials.delete(id);
      return;
    }
    const start = more % TOTAL_BYTES;
    const end = Math.min(TOTAL_BYTES, start + 1 + (pick % 9));
    await this.world.spool.dropPartial(sixteen(id), [{ start, end }]);
    this.model.write(id, TOTAL_BYTES, start, end, false);
  }

  private async state({ pick, more }: HistoryStep): Promise<void> {
    const name = at(STATE_NAMES, pick);
    if (more % 3 === 0) this.model.state.delete(name);
    else this.model.state.set(name, more & 0xff);
    await this.world.spool.putState(name, more % 3 === 0 ? null : Uint8Array.of(more));
  }

  private async pass({ pick }: HistoryStep): Promise<void> {
    this.world.clock.advance((1 + (pick % 5)) * 600_000);
  }

  private async promote(): Promise<void> {
    const { nextAtMs } = await this.world.spool.promote();
    this.model.promote();
    const waiting = this.model.legs.filter((leg) => leg.isWaiting).map((leg) => leg.notBeforeMs);
    expect(nextAtMs).toBe(waiting.length === 0 ? null : Math.min(...waiting));
  }

  private async expire(): Promise<void> {
    await this.world.spool.expire(1_000);
    this.model.expire();
  }

  private async restart(): Promise<void> {
    await this.world.restart();
    this.model.restart();
  }

  private async crash(): Promise<void> {
    // Ranges are committed lazily; the model knows no half a second.
    await this.world.spool.flush();
    await this.world.crash();
    this.model.restart();
  }

  private ownEnvelope(id: number, pick: number, more: number) {
    const lifetimeMs = (1 + (pick % 3)) * HOUR_MS;
    const className = at(CLASSES, pick);
    const destination = at([2, 8, 9], more);
    return {
      given: envelope(id, {
        class: className,
        lifetimeMs,
        ageMs: 0,
        payload: content(more),
        destination: sixteen(destination),
      }),
      modelled: { id, className, destination, deadlineMs: this.model.nowMs + lifetimeMs, payloadBytes: more },
    };
  }
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error("a list to pick from has an element");
  return found;
}
