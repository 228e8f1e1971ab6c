import type { MessageRecord } from "@estafette/spool";
import { describe, expect, it } from "vitest";
import { checkHistory, type FinalRecord } from "./checkers.js";
import type { HandOver } from "./outside.js";
import { MARKER_PREFIX, type Sent } from "./workload.js";

const MARKER = `${MARKER_PREFIX}0123456789ab`;
const ALICE = "alice@aurora.test";
const BOB = "bob@borealis.test";

function mail(body: string, subject = `Report ${MARKER}`): Uint8Array {
  const head = `From: Somebody <${ALICE}>\r\nTo: ${BOB}\r\nSubject: ${subject}\r\n\r\n`;
  return Buffer.from(head + body, "latin1");
}

function sent(changes: Partial<Sent> = {}): Sent {
  return {
    index: 0,
    atMs: 1_000,
    node: 0,
    marker: MARKER,
    submission: {
      account: ALICE,
      from: ALICE,
      to: [BOB],
      content: { kind: "mail", rfc5322: mail("hello\r\n") },
      class: "normal",
      lifetimeS: null,
      receipt: true,
    },
    recipients: [{ address: BOB, expect: "delivered", bcc: false }],
    answer: { outcome: "accepted", id: "AAAA-AAAA" },
    answeredAtMs: 1_010,
    tries: 1,
    ...changes,
  };
}

function handOver(changes: Partial<HandOver> = {}): HandOver {
  return {
    atMs: 9_000,
    node: "borealis",
    life: 1,
    kind: "mailbox",
    deliveryId: "d1",
    stableId: "s1",
    from: ALICE,
    to: BOB,
    rfc5322: mail("hello\r\n"),
    possibleDuplicate: false,
    told: true,
    ...changes,
  };
}

function record(end: MessageRecord["end"], changes: Partial<MessageRecord> = {}): FinalRecord {
  const record: MessageRecord = {
    key: { origin: new Uint8Array(16), epoch: 1, sequence: 0 },
    submissionId: "AAAA-AAAA",
    account: ALICE,
    from: ALICE,
    to: [BOB],
    destination: new Uint8Array(16),
    mode: "end-to-end",
    class: "normal",
    lifetimeMs: 604_800_000,
    receipt: true,
    bodyKind: "mail",
    acceptedAtMs: 0,
    deadlineMs: 604_800_000,
    bodyBytes: 10,
    envelopeId: null,
    end,
    endedAtMs: end === null ? null : 0,
    detail: end === null ? "" : "why",
    ...changes,
  };
  return { node: 0, record, endedAtMs: end === null ? null : 10_000 };
}

const NOTICE = handOver({
  from: "",
  to: ALICE,
  stableId: "n1",
  rfc5322: mail(`could not reach ${BOB}`, "failed"),
});

function check(one: Sent, boxes: readonly HandOver[], records: readonly FinalRecord[]): string[] {
  const mailbox = (address: string): HandOver[] => {
    const kept: HandOver[] = [];
    for (const mailThere of boxes.filter((box) => box.to === address)) {
      if (!kept.some((other) => other.stableId === mailThere.stableId)) kept.push(mailThere);
    }
    return kept;
  };
  return checkHistory({ sent: [one], handOvers: boxes, mailbox, records });
}

describe("the checkers", () => {
  it("say nothing about a run that kept its promises", () => {
    expect(check(sent(), [handOver()], [record("delivered")])).toEqual([]);
    const expiring = sent({ recipients: [{ address: BOB, expect: "expired", bcc: false }] });
    const expired = { ...record("expired", { lifetimeMs: 3_600_000 }), endedAtMs: 3_602_000 };
    expect(check(expiring, [NOTICE], [expired])).toEqual([]);
    const repeat = handOver({ possibleDuplicate: true, life: 2 });
    expect(check(sent(), [handOver({ told: false }), repeat], [record("delivered")])).toEqual([]);
    expect(check(sent({ answer: null }), [], [])).toEqual([]);
  });

  const broken: readonly (readonly [string, RegExp, () => string[]])[] = [
    ["a lost mail", /accepted and not delivered/, () => check(sent(), [], [record(null)])],
    [
      "a false receipt",
      /recorded as delivered, .* has nothing/,
      () => check(sent(), [], [record("delivered")]),
    ],
    [
      "a receipt before the fact",
      /recorded as delivered before it was/,
      () => check(sent(), [handOver({ atMs: 20_000 })], [record("delivered")]),
    ],
    [
      "two copies in one mailbox",
      /in the mailbox 2 times/,
      () => check(sent(), [handOver(), handOver({ stableId: "s2" })], [record("delivered")]),
    ],
    [
      "a repeat that does not say so",
      /handed over again without saying so/,
      () => check(sent(), [handOver({ told: false }), handOver({ life: 2 })], [record("delivered")]),
    ],
    [
      "a repeat after settling",
      /handed over again after it was settled/,
      () => check(sent(), [handOver(), handOver({ possibleDuplicate: true })], [record("delivered")]),
    ],
    [
      "other bytes at the second attempt",
      /other bytes/,
      () =>
        check(
          sent(),
          [
            handOver({ told: false }),
            handOver({ life: 2, possibleDuplicate: true, rfc5322: mail("hullo\r\n") }),
          ],
          [record("delivered")],
        ),
    ],
    ["a changed body", /body changed/, () => check(sent(), [handOver({ rfc5322: mail("hullo\r\n") })], [])],
    [
      "a changed header",
      /header subject changed/,
      () => check(sent(), [handOver({ rfc5322: mail("hello\r\n", `Re: ${MARKER}`) })], []),
    ],
    [
      "a wrong address",
      /delivered to a stranger/,
      () => check(sent(), [handOver(), handOver({ to: "bob@cygnus.test" })], [record("delivered")]),
    ],
    [
      "a mail from nowhere",
      /nobody sent/,
      () =>
        check(
          sent(),
          [handOver(), handOver({ stableId: "x", rfc5322: mail("x", "x") })],
          [record("delivered")],
        ),
    ],
    [
      "a refused submission that arrives",
      /refused, yet delivered/,
      () =>
        check(
          sent({ answer: { outcome: "refused", why: "full", text: "", temporary: true } }),
          [handOver()],
          [],
        ),
    ],
    [
      "an expiry nobody was told of",
      /never told/,
      () =>
        check(
          sent({ recipients: [{ address: BOB, expect: "expired", bcc: false }] }),
          [],
          [record("expired")],
        ),
    ],
    ["an early expiry", /expired after 9000 ms/, () => check(sent(), [NOTICE], [record("expired")])],
    [
      "a delivered mail that is reported as failed",
      /delivered, yet recorded as expired/,
      () => check(sent(), [handOver()], [record("expired")]),
    ],
    [
      "a mail that should have expired and is still open",
      /should have expired/,
      () =>
        check(sent({ recipients: [{ address: BOB, expect: "expired", bcc: false }] }), [], [record(null)]),
    ],
  ];
  it.each(broken)("see %s", (_, sentence, run) => {
    expect(run().join("\n")).toMatch(sentence);
  });

  it("see a Bcc that shows", () => {
    const hidden = "carol@borealis.test";
    const one = sent({
      submission: { ...sent().submission, to: [BOB, hidden] },
      recipients: [
        { address: BOB, expect: "delivered", bcc: false },
        { address: hidden, expect: "delivered", bcc: true },
      ],
    });
    const shown = Buffer.concat([Buffer.from(`Bcc: ${hidden}\r\n`), mail("hello\r\n")]);
    expect(check(one, [handOver({ rfc5322: shown })], []).join("\n")).toMatch(/shows its Bcc/);
  });
});
