import {
  OperatingError,
  ProtocolError,
  type RecipientCheck,
  type Submission,
  type SubmissionRefusal,
  type SubmissionResult,
} from "@estafette/contract";
import { parseAddress, shrinkMail } from "@estafette/mail";
import { type Mode, publicIdOf } from "@estafette/protocol";
import { admits } from "@estafette/router";
import { CLASS_RANK, type NewDelivery, type NewMessage } from "@estafette/spool";
import { type Core, keyText } from "./core.js";
import { ownContext, sealDelivery } from "./deliveries.js";
import type { Peer } from "./directory.js";
import { planHop } from "./planning.js";

/** Recipients of one submission that travel together: one message per gateway, Bcc or not. */
export interface Group {
  readonly mode: "local" | "end-to-end" | "exit";
  readonly peer: Peer | null;
  readonly to: string[];
}

/** A submission in the spool's words. */
export interface Compiled {
  /** What the user is told. */
  readonly id: string;
  readonly messages: readonly NewMessage[];
  readonly deliveries: readonly NewDelivery[];
  /** Of the content, as kept. */
  readonly bytes: number;
}

/** Takes what local users and servers hand in. Answers `accepted` only after the commit. */
export class Submissions {
  constructor(readonly core: Core) {}

  /** A refusal for this recipient, or null. Asked before any body was carried. */
  checkRecipient(request: RecipientCheck): SubmissionRefusal | null {
    const sender = this.#checkSender(request.account, request.from);
    if (sender) return sender;
    if (!parseAddress(request.to))
      return refusal("malformed", `${request.to.slice(0, 80)} is not an address`);
    const served = this.core.directory.serves(request.to);
    if (served.by === "nobody") return refusal(served.why, served.text);
    if (served.by === "exit" && request.account === null)
      return refusal("relay-denied", "this gateway does not relay for others");
    return null;
  }

  async submit(submission: Submission): Promise<SubmissionResult> {
    try {
      return (await this.refusalFor(submission)) ?? (await this.#keep(submission));
    } catch (error) {
      if (error instanceof ProtocolError) return refusal("malformed", error.message);
      if (error instanceof OperatingError && error.code === "EST_OPERATING_DISK_FULL")
        return refusal("full", "no room for another message now");
      if (error instanceof OperatingError) {
        this.core.fail(error, "submit");
        return refusal("fault", "the store failed");
      }
      throw error;
    }
  }

  #checkSender(account: string | null, from: string): SubmissionRefusal | null {
    if (account === null) {
      const claimed = from === "" ? null : this.core.directory.accountOf(from);
      const forged = claimed !== null && claimed.logsIn !== false;
      return forged ? refusal("sender-not-owned", `${from} must log in to write from here`) : null;
    }
    const owner = this.core.directory.accountOf(from);
    return owner?.name === account
      ? null
      : refusal("sender-not-owned", `${account} may not write as ${from}`);
  }

  /** Why this cannot be taken, or null. */
  async refusalFor(submission: Submission): Promise<SubmissionRefusal | null> {
    const { content } = submission;
    const bytes = content.kind === "mail" ? content.rfc5322.length : content.text.length;
    if (bytes > this.core.settings.messageBytesMax)
      return refusal("too-large", `larger than ${this.core.settings.messageBytesMax} bytes`);
    if (submission.to.length === 0) return refusal("malformed", "no recipient");
    for (const to of submission.to) {
      const refused = this.checkRecipient({ account: submission.account, from: submission.from, to });
      if (refused) return refused;
    }
    const level = await this.core.admission.look();
    if (admits({ level, bytes, classRank: CLASS_RANK[submission.class] })) return null;
    return refusal(level === "full" ? "full" : "over-share", "the store is nearly full; try again later");
  }

  async #keep(submission: Submission): Promise<SubmissionResult> {
    const made = this.compile(submission);
    if ("outcome" in made) return made;
    const { id, messages, deliveries, bytes } = made;
    this.core.faultPoint("submit-before-keep");
    await this.core.spool.acceptMessages(messages, deliveries);
    this.core.faultPoint("submit-after-keep");
    this.core.emit({
      type: "accepted",
      submissionId: id,
      from: submission.from,
      to: submission.to,
      class: submission.class,
      bytes,
    });
    this.wake(made);
    return { outcome: "accepted", id };
  }

  /** After what was compiled is kept. */
  wake({ messages, deliveries }: Compiled): void {
    for (const message of messages) this.core.wake(message.hop);
    if (deliveries.length > 0) this.core.wakeDeliveries();
  }

  /** What is to be kept for a submission: a message per gateway it goes to, and a delivery for mailboxes here. */
  compile(submission: Submission): Compiled | SubmissionRefusal {
    const body =
      submission.content.kind === "mail"
        ? shrinkMail(submission.content.rfc5322)
        : new TextEncoder().encode(submission.content.text);
    const first = this.core.nextKey();
    const id = publicIdOf(first.origin, first.epoch, first.sequence);
    const messages: NewMessage[] = [];
    const deliveries: NewDelivery[] = [];
    for (const [index, group] of groupsOf(this.core, submission).entries()) {
      const key = index === 0 ? first : this.core.nextKey();
      const made =
        group.peer === null
          ? this.#localDelivery(submission, group, key, body)
          : this.#message(submission, { ...group, peer: group.peer }, key, id, body);
      if ("outcome" in made) return made;
      if ("hop" in made) messages.push(made);
      else deliveries.push(made);
    }
    return { id, messages, deliveries, bytes: body.length };
  }

  #message(
    submission: Submission,
    group: Group & { readonly peer: Peer },
    key: NewMessage["key"],
    submissionId: string,
    body: Uint8Array,
  ): NewMessage | SubmissionRefusal {
    const relays = this.core.directory.relayListFor(group.peer);
    const clear = submission.clear === true;
    if (clear && group.mode === "exit")
      return refusal("never-carried", `mail that ${group.peer.name} puts on the internet is always sealed`);
    const hop = planHop(this.core, {
      destination: group.peer.address,
      relays,
      relayIndex: 0,
      sealed: !clear,
      from: null,
      listStalled: false,
      bytes: body.length,
      class: submission.class,
      lifetimeMs: (submission.lifetimeS ?? this.core.settings.lifetimeS) * 1000,
    });
    if (hop === "policy")
      return refusal("never-carried", `every link towards ${group.peer.name} forbids sealed mail`);
    if (hop === "no-route") return refusal("no-route", `no link leads to ${group.peer.name}`);
    return {
      key,
      submissionId,
      account: submission.account,
      from: submission.from,
      to: group.to,
      destination: group.peer.address,
      mode: modeOf(submission, group.mode),
      class: submission.class,
      lifetimeMs: (submission.lifetimeS ?? this.core.settings.lifetimeS) * 1000,
      receipt: wantsReceipt(this.core, submission),
      body: this.core.vault.seal(body, `message/${keyText(key)}`),
      bodyKind: submission.content.kind,
      hop: hop.hop,
    };
  }

  #localDelivery(
    submission: Submission,
    group: Group,
    key: NewMessage["key"],
    body: Uint8Array,
  ): NewDelivery {
    return sealDelivery(this.core, {
      key,
      kind: "mailbox",
      from: submission.from,
      to: group.to,
      lifetimeMs: (submission.lifetimeS ?? this.core.settings.lifetimeS) * 1000,
      envelopeId: null,
      place: null,
      body,
      context: ownContext(submission.content.kind),
    });
  }
}

/** Who is served where; nobody's recipients are left out. */
export function groupsOf(core: Core, submission: Submission): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const to of new Set(submission.to)) {
    const served = core.directory.serves(to);
    if (served.by === "nobody") continue;
    const peer = served.by === "here" ? null : served.peer;
    const mode = served.by === "here" ? "local" : served.by === "exit" ? "exit" : "end-to-end";
    const name = `${mode} ${peer?.addressHex ?? ""}`;
    const group = groups.get(name) ?? { mode, peer, to: [] };
    group.to.push(to);
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** How a message travels. Never sealed less than its author said. */
export function modeOf({ clear }: Submission, way: Group["mode"]): Mode {
  if (clear === true) return "clear-signed";
  return way === "exit" ? "exit" : "end-to-end";
}

/** Never of what travels in the clear: the token of the receipt would lie open with it. */
export function wantsReceipt(core: Core, { receipt, clear }: Submission): boolean {
  return clear !== true && (receipt || core.settings.receipts);
}

const TEMPORARY: ReadonlySet<SubmissionRefusal["why"]> = new Set(["over-share", "full", "fault", "stopping"]);

export function refusal(why: SubmissionRefusal["why"], text: string): SubmissionRefusal {
  return { outcome: "refused", why, text, temporary: TEMPORARY.has(why) };
}
