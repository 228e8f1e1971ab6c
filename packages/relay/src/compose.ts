import { invariant } from "@estafette/contract";
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
import { compressContent } from "./compression.js";
import { type Core, keyText, unixSecondsOrNull } from "./core.js";
import type { Peer } from "./directory.js";

/**
 * Turns a waiting message into its finished envelope: join, compress, seal, sign, commit. Runs just before carry, so
 * that what waits can still be joined or withdrawn. False when the message is no longer there.
 */
export async function composeLeg(core: Core, leg: Leg): Promise<boolean> {
  invariant(leg.what.kind === "message", "only messages are composed");
  const { key } = leg.what;
  const record = await core.spool.message(key);
  const sealedBody = record && record.end === null ? await core.spool.messageBody(key) : null;
  const peer = record && core.directory.peer(record.destination);
  if (!record || !sealedBody || !peer) return false;
  const body = core.vault.open(sealedBody, `message/${keyText(key)}`);
  const { header, payload } = buildEnvelope(core, record, peer, body);
  const signed = signHeader(header, core.identity);
  const ageMs = core.spool.nowMs() - record.acceptedAtMs;
  const transit = { hopsUsed: 0, ageS: 0, relayIndex: 0, keyRecord: null, chain: emptyChain() };
  const head = encodeSignedHeader(signed);
  core.faultPoint("compose-before-commit");
  await core.spool.compose({
    messages: [key],
    envelope: {
      id: signed.id,
      head,
      transit: encodeTransit(transit),
      destination: record.destination,
      class: record.class,
      lifetimeMs: record.lifetimeMs,
      ageMs,
      payload,
      from: null,
      ackCommitment: header.ackCommitment,
      hops: [leg.hop],
    },
  });
  core.faultPoint("compose-after-commit");
  core.emit({
    type: "composed",
    submissionIds: [record.submissionId],
    envelopeId: toHex(signed.id),
    mailBytes: body.length,
    envelopeBytes: head.length + payload.length,
  });
  return true;
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
