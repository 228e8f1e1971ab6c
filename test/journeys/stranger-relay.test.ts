import {
  appendEntry,
  type Chain,
  decodeHead,
  elideChain,
  emptyChain,
  encodeHead,
  encodeHeader,
  encodeHeaderPrefix,
  type Head,
  type Header,
  joinHead,
  openSealed,
  payloadRoot,
  publicKeysOf,
  readSignedHeader,
  signHeader,
} from "@estafette/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identityOf, medium, startNode, submission, type TestNode, until } from "../harness/node.js";
import { RawNeighbour } from "../harness/raw-neighbour.js";

/*
 *  aurora ──tcp──► stranger ──tcp──► shore      aurora names the stranger in an explicit relay list
 */
const root = (name: string) => identityOf(name).keys.root;
const anna = "anna@aurora.example";
const office = "office@shore.example";
const running: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const thing of running.splice(0).reverse()) await thing.stop();
});

async function line(strangerHasSecondLink: boolean) {
  const west = medium();
  const east = medium();
  const aurora = await startNode({
    name: "aurora",
    domain: "aurora.example",
    peers: [
      { name: "shore", root: root("shore"), domains: ["shore.example"] },
      { name: "stranger", root: root("stranger"), links: ["west"] },
    ],
    links: [{ bearer: west.bearer("aurora"), settings: { name: "west", peers: ["stranger"] } }],
    settings: { routes: [{ match: "shore", via: ["stranger"] }] },
  });
  const stranger = await startNode({
    name: "stranger",
    peers: [
      { name: "aurora", root: root("aurora"), links: ["west"] },
      { name: "shore", root: root("shore"), links: ["east"] },
    ],
    links: [
      { bearer: west.bearer("stranger"), settings: { name: "west", peers: ["aurora"] } },
      {
        bearer: east.bearer(strangerHasSecondLink ? "stranger" : "nobody"),
        settings: { name: "east", peers: ["shore"] },
      },
    ],
  });
  const shoreMedium = strangerHasSecondLink ? east : medium();
  const shore = await startNode({
    name: "shore",
    domain: "shore.example",
    peers: [
      { name: "aurora", root: root("aurora"), domains: ["aurora.example"] },
      { name: "stranger", root: root("stranger"), links: ["east"] },
    ],
    links: [{ bearer: shoreMedium.bearer("shore"), settings: { name: "east", peers: ["stranger"] } }],
    settings: { routes: [{ match: "aurora", via: ["stranger"] }] },
  });
  running.push(aurora, stranger, shore);
  return { aurora, stranger, shore, shoreMedium };
}

describe("a stranger's relay on the path", () => {
  it("is passed in order, shown in the verified path, and the receipt comes back through it", async () => {
    const { aurora, stranger, shore } = await line(true);
    await aurora.relay.submit(submission(anna, [office], "Through a stranger"));
    await until(() => shore.mailbox.handed.length, "delivery");
    expect(shore.mailbox.texts()[0]).toContain("X-Estafette-Path: verified; aurora -> stranger -> shore");
    expect(stranger.mailbox.handed).toHaveLength(0);
    await until(() => aurora.events.find((e) => e.type === "receipt"), "receipt");
    expect(await stranger.spool.listEnvelopes(10)).toHaveLength(0);
  });

  it("carries answers the other way", async () => {
    const { aurora, shore } = await line(true);
    await shore.relay.submit(submission(office, [anna], "Answer"));
    await until(() => aurora.mailbox.handed.length, "delivery aboard");
    expect(aurora.mailbox.texts()[0]).toContain("X-Estafette-Path: verified; shore -> stranger -> aurora");
  });
});

describe("a patched relay", () => {
  const me = identityOf("stranger");
  let held: { readonly head: Head; readonly payload: Uint8Array };
  let shore: TestNode;
  let raw: RawNeighbour;

  beforeEach(async () => {
    const nodes = await line(false);
    shore = nodes.shore;
    await nodes.aurora.relay.submit(submission(anna, [office], "Do not touch"));
    const record = await until(
      async () => (await nodes.stranger.spool.listEnvelopes(1))[0],
      "envelope at the stranger",
    );
    const payload = await nodes.stranger.spool.envelopePayload(record.id);
    held = { head: decodeHead(joinHead(record)), payload: payload ?? new Uint8Array() };
    raw = new RawNeighbour(me, nodes.shoreMedium.bearer("patched"), root("shore"));
    running.push(raw);
  });

  /** What an honest relay would send. */
  function forwarded(chain: Chain = held.head.transit.chain): Head {
    const { signed, transit } = held.head;
    const draft = {
      id: signed.id,
      identity: me,
      previous: identityOf("aurora").address,
      next: shore.identity.address,
      ageS: transit.ageS,
    };
    return { signed, transit: { ...transit, hopsUsed: 1, relayIndex: 1, chain: appendEntry(chain, draft) } };
  }

  const send = (head: Head, payload = held.payload) => raw.carry(head, payload);
  const nothingArrived = () => expect(shore.mailbox.handed).toHaveLength(0);

  /** After an attack the honest copy must still get through, once. */
  async function honestCopyStillArrives() {
    expect(await send(forwarded())).toMatchObject({ result: "accepted" });
    await until(() => shore.mailbox.handed.length, "the honest copy");
    expect(shore.mailbox.handed).toHaveLength(1);
  }

  it("cannot alter the payload", async () => {
    const altered = held.payload.slice();
    altered[20]! ^= 1;
    expect(["never", "not-now"]).toContain((await send(forwarded(), altered)).result);
    nothingArrived();
    await honestCopyStillArrives();
  });

  it("cannot alter the signed header", async () => {
    const { signed } = held.head;
    const header: Header = { ...signed.header, lifetimeS: signed.header.lifetimeS - 3600 };
    const forged = readSignedHeader(encodeHeader(header), signed.signature);
    const head = forwarded();
    const chain = appendEntry(held.head.transit.chain, {
      id: forged.id,
      identity: me,
      previous: identityOf("aurora").address,
      next: shore.identity.address,
      ageS: 0,
    });
    expect(await send({ signed: forged, transit: { ...head.transit, chain } })).toMatchObject({
      result: "never",
      reason: "invalid",
    });
    nothingArrived();
    await honestCopyStillArrives();
  });

  it("cannot hide that it stripped the chain: the path is then never called verified", async () => {
    const head = forwarded();
    expect(await send({ ...head, transit: { ...head.transit, chain: emptyChain() } })).toMatchObject({
      result: "accepted",
    });
    await until(() => shore.mailbox.handed.length, "delivery");
    expect(shore.mailbox.texts()[0]).toContain("X-Estafette-Path: unverified;");
  });

  it("cannot strip itself or the origin out of the chain", async () => {
    const head = forwarded();
    const withoutSelf = { ...head, transit: { ...head.transit, chain: held.head.transit.chain } };
    expect(await send(withoutSelf)).toMatchObject({ result: "never", reason: "invalid" });
    const own = head.transit.chain.entries.slice(1);
    expect(
      await send({
        ...head,
        transit: { ...head.transit, hopsUsed: 0, chain: { ...emptyChain(), entries: own } },
      }),
    ).toMatchObject({ result: "never" });
    nothingArrived();
    await honestCopyStillArrives();
  });

  it("cannot re-order the chain or cover it with a digest of its own making", async () => {
    const head = forwarded();
    const turned = [...head.transit.chain.entries].reverse();
    expect(
      await send({ ...head, transit: { ...head.transit, chain: { ...emptyChain(), entries: turned } } }),
    ).toMatchObject({ result: "never", reason: "invalid" });
    nothingArrived();
    const elided = elideChain(head.transit.chain, head.signed.id);
    expect(await send({ ...head, transit: { ...head.transit, chain: elided } })).toMatchObject({
      result: "accepted",
    });
    await until(() => shore.mailbox.handed.length, "delivery");
    expect(shore.mailbox.texts()[0]).toContain("X-Estafette-Path: unverified;");
  });

  it("gains nothing by replaying, now or later", async () => {
    await honestCopyStillArrives();
    for (let i = 0; i < 5; i++) expect(await send(forwarded())).toMatchObject({ result: "already-held" });
    expect(shore.mailbox.handed).toHaveLength(1);
  });

  it("cannot re-sign the mail as its own: a stolen ciphertext opens for nobody", async () => {
    const { header } = held.head.signed;
    const signed = signHeader({ ...header, origin: me.keys.root }, me);
    const chain = appendEntry(emptyChain(), {
      id: signed.id,
      identity: me,
      previous: me.address,
      next: shore.identity.address,
      ageS: 0,
    });
    const stolen = { signed, transit: { ...held.head.transit, hopsUsed: 0, relayIndex: 1, chain } };
    const first = await send(stolen);
    expect(["never", "not-now"]).toContain(first.result);
    nothingArrived();
    await honestCopyStillArrives();
  });

  it("cannot read the mail, and neither the subject nor an address is in what it holds", () => {
    const { header } = held.head.signed;
    const attempt = () =>
      openSealed({
        identity: me,
        origin: publicKeysOf(root("aurora")),
        prefix: encodeHeaderPrefix(header),
        payload: held.payload,
        staticSeal: header.staticSeal,
      });
    expect(attempt).toThrowError(expect.objectContaining({ code: "EST_PROTOCOL_SIGNATURE" }));
    const all = Buffer.concat([encodeHead(held.head), held.payload]);
    for (const word of ["Do not touch", "anna", "office", "All is well"])
      expect(all.includes(word)).toBe(false);
    expect(payloadRoot(held.payload)).toEqual(header.payloadRoot);
  });
});
