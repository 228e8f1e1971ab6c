import { fileURLToPath } from "node:url";
import type { MemoryProfile } from "@estafette/bearer-memory";
import { seededRng } from "@estafette/conformance";
import type { Submission } from "@estafette/contract";
import type { RelaySettings } from "@estafette/relay";
import { describe, expect, it } from "vitest";
import { readFolders } from "./messages.js";
import { AirPair } from "./pair.js";
import { HALF_DUPLEX, SLOW, STREAM } from "./profiles.js";

/* What `estafette send --estimate` says before, against what the link counts after. */

const { small, mail } = readFolders(fileURLToPath(new URL("messages", import.meta.url)));
const crew = "crew@ship.example";
const office = "office@shore.example";
const MINUTE_MS = 60_000;
/** What an estimate may be off: a share of what it was, or so many bytes where that is more. */
const SHARE = 0.15;
const BYTES = 40;

const text = (words: string): Submission["content"] => ({ kind: "text", text: words });
const mailOf = (bytes: Uint8Array): Submission["content"] => ({ kind: "mail", rfc5322: bytes });

/** A mail with a picture, which no compression makes smaller. */
function withAttachment(byteCount: number): Submission["content"] {
  const picture = Buffer.from(seededRng(byteCount).bytes(byteCount)).toString("base64");
  const lines = [
    ...[`From: ${crew}`, `To: ${office}`, "Subject: Ice ahead", "Date: Thu, 01 Jan 2026 10:00:00 +0000"],
    ...["Message-ID: <ice.1@ship.example>", "MIME-Version: 1.0"],
    ...['Content-Type: multipart/mixed; boundary="p"', "", "--p", "Content-Type: text/plain", ""],
    ...["The picture of this morning.", "--p", "Content-Type: image/jpeg"],
    ...["Content-Transfer-Encoding: base64", "", ...(picture.match(/.{1,76}/g) ?? []), "--p--", ""],
  ];
  return mailOf(Buffer.from(lines.join("\r\n")));
}

/** Twenty thousand bytes of the mails' own prose, as one long letter. */
function longLetter(): Submission["content"] {
  const bodies = mail
    .slice(0, 30)
    .map(({ bytes }) => Buffer.from(bytes).toString("utf8").split("\r\n\r\n")[1]);
  const letter = `From: ${crew}\r\nTo: ${office}\r\nSubject: The season\r\n\r\n${bodies.join("\r\n")}`;
  return mailOf(Buffer.from(letter));
}

const MESSAGES: readonly (readonly [string, Submission["content"], readonly string[]])[] = [
  ["20 bytes", text("All well here today."), [office]],
  ["the same again", text("All well here today."), [office]],
  ["a text", text(Buffer.from(small[0]?.bytes ?? []).toString()), [office]],
  ["a text to five", text("Meeting at ten."), ["a", "b", "c", "d", "e"].map((one) => `${one}@shore.example`)],
  ["a mail", mailOf(mail[0]?.bytes ?? new Uint8Array()), [office]],
  ["another mail", mailOf(mail[7]?.bytes ?? new Uint8Array()), [office, "board@shore.example"]],
  ["a long letter", longLetter(), [office]],
  ["2 kB of picture", withAttachment(2_000), [office]],
  ["50 kB of picture", withAttachment(50_000), [office]],
];

const submission = (content: Submission["content"], to: readonly string[] = [office]): Submission => ({
  ...{ account: "crew", from: crew, to: [...to], content },
  ...{ class: "normal", lifetimeS: null, receipt: false },
});

async function estimated(pair: AirPair, one: Submission) {
  if (!pair.ship.relay) throw new Error("the ship is not running");
  const answer = await pair.world.during(pair.ship.relay.estimate(one));
  if ("outcome" in answer) throw new Error(answer.text);
  return answer.parts[0]!;
}

function expectNear(what: string, estimate: number, measured: number): void {
  const off = Math.abs(estimate - measured);
  expect(off, `${what}: estimated ${estimate}, measured ${measured}`).toBeLessThanOrEqual(
    Math.max(SHARE * measured, BYTES),
  );
}

const LINKS: readonly (readonly [string, MemoryProfile])[] = [
  ["a stream", STREAM],
  ["a line of 1200 bit/s", SLOW],
  [
    "a half-duplex radio of 300 bit/s",
    { ...HALF_DUPLEX, lossy: true, presence: "unseen", parcelBytesMax: 255 },
  ],
];

describe("an estimate is what the link then counts, within 15 % or 40 bytes", () => {
  const cases = LINKS.flatMap(([name, profile]) =>
    [false, true].map(
      (receipts) => [name, receipts ? "with receipts" : "without receipts", profile, receipts] as const,
    ),
  );
  it.each(cases)("alone on %s, %s", { timeout: 240_000 }, async (_, __, profile, receipts) => {
    const settings: Partial<RelaySettings> = { receipts };
    await AirPair.play({ seed: "estimate", profile, settings }, async (pair) => {
      let count = 0;
      for (const [what, content, to] of MESSAGES) {
        const one = submission(content, to);
        const { airBytes } = await estimated(pair, one);
        const before = pair.bytesOnLink;
        await pair.submit([one]);
        await pair.untilDelivered(++count, 24 * 60 * MINUTE_MS);
        await pair.world.runFor(2 * MINUTE_MS);
        expectNear(what, airBytes, pair.bytesOnLink - before);
      }
    });
  });

  it.each(LINKS)("of one that joins ten that wait, on %s", { timeout: 240_000 }, async (_, weather) => {
    // Both ends learn of the cut, so that nothing is composed meanwhile.
    const profile = { ...weather, presence: "seen" as const };
    const ten = small.slice(1, 11).map(({ bytes }) => submission(text(Buffer.from(bytes).toString())));
    const last = submission(text(Buffer.from(small[11]?.bytes ?? []).toString()));
    /** What passes when the link comes back; `met`: they know each other already. */
    const play = (met: boolean, also: readonly Submission[]) =>
      AirPair.play({ seed: "joined", profile, settings: { receipts: false } }, async (pair) => {
        if (met) {
          await pair.submit([submission(text("All well here today."))]);
          await pair.untilDelivered(1, 60 * MINUTE_MS);
        }
        pair.air.cut();
        await pair.world.runFor(20 * MINUTE_MS);
        await pair.submit(ten);
        const estimate = await estimated(pair, last);
        await pair.submit(also);
        const before = pair.bytesOnLink;
        pair.air.restore();
        await pair.untilDelivered(ten.length + also.length + (met ? 1 : 0), 60 * MINUTE_MS);
        await pair.world.runFor(10 * MINUTE_MS);
        return { estimate, bytes: pair.bytesOnLink - before };
      });
    for (const met of [false, true]) {
      const [without, withIt] = [await play(met, []), await play(met, [last])];
      expect(without.estimate.joinedWith).toBe(10);
      const measured = withIt.bytes - without.bytes;
      expect(without.estimate.airBytes).toBeLessThan(80);
      expectNear("one of eleven", without.estimate.airBytes, measured);
    }
  });

  it.each(LINKS)("of one for the wide internet, on %s", { timeout: 240_000 }, async (_, profile) => {
    const settings: Partial<RelaySettings> = { receipts: false, exit: "shore" };
    await AirPair.play({ seed: "exit", profile, settings }, async (pair) => {
      for (const words of ["Happy birthday!", "And many of them."]) {
        const one = submission(text(words), ["mum@home.example"]);
        const { airBytes, route } = await estimated(pair, one);
        expect(route.by).toBe("exit");
        const before = pair.bytesOnLink;
        await pair.submit([one]);
        // This shore is an exit for nobody and refuses: an answer as long as any.
        await pair.world.runFor(10 * MINUTE_MS);
        expectNear("an exit", airBytes, pair.bytesOnLink - before);
      }
    });
  });
});
