import type { Bearer } from "@estafette/contract";
import { type ConversationEvent, createConversation, type TransferResult } from "@estafette/link";
import { addressOf, encodeCompactHead, type Head, type Identity, publicKeysOf } from "@estafette/protocol";
import { clock, rng, until } from "./node.js";

/** A neighbour that says what a test tells it to: the link is spoken properly, what it carries need not be honest. */
export class RawNeighbour {
  readonly #abort = new AbortController();
  readonly #settled = new Map<number, TransferResult>();
  readonly #conversation;
  readonly #running: Promise<void>;
  #established = false;
  #sending: Promise<void> = Promise.resolve();
  #nextKey = 1;

  constructor(
    readonly identity: Identity,
    readonly bearer: Bearer,
    readonly farRoot: Uint8Array,
  ) {
    const far = publicKeysOf(farRoot);
    const c = bearer.capabilities;
    this.#conversation = createConversation({
      self: {
        address: identity.address,
        rootPublic: identity.keys.root,
        staticPublic: identity.keys.sealing,
        agree: (theirs) => identity.agree(theirs),
      },
      expected: {
        address: new Uint8Array(16),
        rootPublic: far.root,
        staticPublic: far.sealing,
        pairSecret: null,
      },
      admit: () => null,
      channel: { ...c, encrypt: true, airtimeMs: (n) => bearer.airtimeMs(n) },
      greeting: new Uint8Array(0),
      rng,
      nowMs: clock.monotonicMs(),
    });
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for await (const event of this.bearer.run(this.#abort.signal)) {
      if (event.type === "up") this.#conversation.start(clock.monotonicMs());
      if (event.type === "heard") this.#conversation.heard(event.bytes, clock.monotonicMs());
      this.#pump();
    }
  }

  #pump(): void {
    for (const event of this.#conversation.takeEvents()) this.#on(event);
    this.#sending = this.#sending.then(async () => {
      for (
        let bytes = this.#conversation.nextParcel(clock.monotonicMs());
        bytes;
        bytes = this.#conversation.nextParcel(clock.monotonicMs())
      ) {
        await this.bearer.send({ to: "", bytes }, this.#abort.signal);
      }
    });
  }

  #on(event: ConversationEvent): void {
    if (event.type === "established") this.#established = true;
    if (event.type === "settled") this.#settled.set(event.key, event.result);
    if (event.type === "offered")
      this.#conversation.decide(event.tag, { answer: "have" }, clock.monotonicMs());
    if (event.type === "note") this.#conversation.acceptNote(event.tag, clock.monotonicMs());
  }

  /** Asks, and carries one envelope; resolves with the far end's answer. */
  async carry(head: Head, payload: Uint8Array): Promise<TransferResult> {
    await until(() => this.#established, "handshake of the raw neighbour");
    const key = this.#nextKey++;
    const ends = { sender: this.identity.keys.root, receiver: addressOf(this.farRoot) };
    const told = encodeCompactHead(head, { ends, slot: null, payloadFollows: false });
    const { id } = head.signed;
    this.#conversation.offer(
      { key, id, class: "normal", head: told, payload, probe: true },
      clock.monotonicMs(),
    );
    return await until(() => {
      this.#conversation.tick(clock.monotonicMs());
      this.#pump();
      return this.#settled.get(key);
    }, "an answer to the transfer");
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }
}
