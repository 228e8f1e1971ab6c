import { compressContent } from "@estafette/compression";
import { invariant, ProtocolError } from "@estafette/contract";
import {
  ackCommitment,
  emptyChain,
  encodeContent,
  encodeHeaderPrefix,
  encodeSignedHeader,
  encodeTransit,
  type Header,
  payloadRoot,
  seal,
  signHeader,
  toHex,
} from "@estafette/protocol";
import type { Leg, MessageRecord } from "@estafette/spool";
import { type Core, keyText, unixSecondsOrNull } from "./core.js";
import type { Peer } from "./directory.js";

/**
 * Turns a waiting message into its finished envelope: join, compress, seal, sign, commit. Runs just before carry, so
 * that what waits can still be joined or withdrawn. Null: done, or it waits no more; else why it can never be sent.
 */
export async function composeLeg(core: Core, leg: Leg): Promise<string | null> {
  invariant(leg.what.kind === "message", "only messages are composed");
  const { key } = leg.what;
  const record = await core.spool.message(key);
  const sealedBody = record && record.end === null ? await core.spool.messageBody(key) : null;
  if (!record || !sealedBody) return null;
  const peer = core.directory.peer(record.destination);
  if (!peer) return "its gateway is no longer a configured peer";
  const built = buildOrWhyNot(core, record, peer, sealedBody);
  if (typeof built === "string") return built;
  const { header, payload, mailBytes } = built;
  const signed = signHeader(header, core.identity);
  const transit = { hopsUsed: 0, ageS: 0, relayIndex: 0, keyRecord: null, chain: emptyChain() };
  const head = encodeSignedHeader(signed);
  core.faultPoint("compose-before-commit");
  try {
    await core.spool.compose({
      messages: [key],
      envelope: {
        id: signed.id,
        head,
        transit: encodeTransit(transit),
        destination: record.destination,
        class: record.class,
        lifetimeMs: record.lifetimeMs,
        ageMs: core.spool.nowMs() - record.acceptedAtMs,
        payload,
        from: null,
        ackCommitment: header.ackCommitment,
        hops: [leg.hop],
      },
    });
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "EST_PROTOCOL_STATE") return null; // it ended meanwhile
    throw error;
  }
  core.faultPoint("compose-after-commit");
  core.emit({
    type: "composed",
    submissionIds: [record.submissionId],
    envelopeId: toHex(signed.id),
    mailBytes,
    envelopeBytes: head.length + payload.length,
  });
  return null;
}

/** A sentence for the sender where what was stored cannot be read, or does not fit the format of an envelope. */
function buildOrWhyNot(
  core: Core,
  record: MessageRecord,
  peer: Peer,
  sealedBody: Uint8Array,
): (ReturnType<typeof buildEnvelope> & { readonly mailBytes: number }) | string {
  try {
    const body = core.vault.open(sealedBody, `message/${keyText(record.key)}`);
    return { ...buildEnvelope(core, record, peer, body), mailBytes: body.length };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    core.log("warn", "a message cannot be composed", { message: record.submissionId, why: error.message });
    return `it cannot be put into an envelope: ${error.message}`;
  }
}

function buildEnvelope(
  core: Core,
  record: MessageRecord,
  peer: Peer,
  body: Uint8Array,
): { header: Header; payload: Uint8Array } {
  const token = record.receipt ? core.rng.bytes(16) : null;
  const lifetimeS = Math.floor(record.lifetimeMs / 1000);
  const { epoch, sequence } = record.key;
  const base = { epoch, sequence, class: record.class, lifetimeS };
  const content = encodeContent(
    [
      {
        ...base,
        kind: record.bodyKind,
        receipt: record.receipt,
        token,
        from: record.from,
        to: [...record.to],
        body,
      },
    ],
    base,
  );
  const { codec, bytes } = compressContent(content);
  const nowS = unixSecondsOrNull(core.clock);
  const ageS = Math.floor((core.spool.nowMs() - record.acceptedAtMs) / 1000);
  const fields = {
    mode: record.mode,
    class: record.class,
    codec,
    destination: record.destination,
    origin: core.identity.keys.root,
    keyEpoch: core.identity.keys.epoch,
    epoch,
    sequence,
    createdUnixS: nowS === null ? null : nowS - ageS,
    clockTrusted: nowS !== null && core.clock.trust() === "trusted",
    staticSeal: record.mode !== "clear-signed",
    receipt: record.receipt,
    lifetimeS,
    hopMax: core.settings.hopMax,
    relays: [...core.directory.relayListFor(peer)],
    ackCommitment: token && ackCommitment(token),
  };
  const prefix = encodeHeaderPrefix(fields);
  const payload =
    record.mode === "clear-signed"
      ? bytes
      : seal({
          identity: core.identity,
          recipient: peer.keys,
          prefix,
          plaintext: bytes,
          staticSeal: true,
          rng: core.rng,
        });
  return { header: { ...fields, payloadBytes: payload.length, payloadRoot: payloadRoot(payload) }, payload };
}
