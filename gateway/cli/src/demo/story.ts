import type { Telemetry } from "@estafette/daemon";
import { summarizeMail } from "@estafette/mail";
import { bytesText, plain } from "../format.js";
import { DEMO_LIMITS as LIMITS } from "./limits.js";
import { type Letter, mailsIn, post } from "./post.js";
import type { Screen } from "./screen.js";
import type { DemoWorld, Party } from "./world.js";

/** What one crossing of the radio took. */
export interface Crossing {
  readonly from: string;
  readonly to: string;
  readonly mailBytes: number;
  readonly path: string;
  readonly verified: boolean;
  /** Bytes the radios put on the air, there and back, answers, repeats and receipt included. */
  readonly airBytes: { readonly out: number; readonly back: number };
  readonly elapsedMs: number;
  readonly receipt: boolean;
  readonly mail: string;
}

export interface Story {
  readonly handshakeBytes: { readonly aurora: number; readonly shore: number };
  readonly crossings: readonly Crossing[];
  readonly totalBytes: { readonly aurora: number; readonly shore: number };
  readonly frames: number;
  readonly framesLost: number;
  /** Milliseconds the channel was in use, at real speed. */
  readonly airtimeMs: number;
}

const LETTER: Omit<Letter, "to"> = {
  subject: "Hello from sea",
  text: `Dear all,

we are well and on course for Tromso, 62-10 N 004-54 E, wind NW 6.
Engine hours 1204, fuel for nine days. Please order the spare pump
(part 7731-B) so that it waits for us on Friday, and tell Ida's
school that she will be back on Monday.

Anna, MV Aurora
`,
};

/** Something did not happen within its bound. */
export class DemoFailure extends Error {}

/** Tells the whole story once: the radios meet, a mail crosses, its answer comes back. */
export async function tellStory(world: DemoWorld, screen: Screen): Promise<Story> {
  const { aurora, shore, radio } = world;
  let met = radio.counters().bytesSent;
  // The ship speaks first, so what was on the air until it knows the shore is the handshake.
  const stopWatching = aurora.gateway.relay.listen((event) => {
    if (event.type !== "neighbour" || event.state !== "established") return;
    met = radio.counters().bytesSent;
    stopWatching();
  });
  try {
    screen.say(`\n1. ${aurora.address} hands a mail to her own mail server on board`);
    const out = await crossing(world, screen, {
      from: aurora,
      to: shore,
      act: () => post(aurora, { ...LETTER, to: shore.address }),
    });
    screen.say(`\n2. ${shore.address} answers by itself, and the answer crosses back`);
    const back = await crossing(world, screen, {
      from: shore,
      to: aurora,
      act: () => answerNew(world, new Set()),
    });
    const { bytesSent, framesSent, fates, airtimeMs } = radio.counters();
    return {
      handshakeBytes: { aurora: met.a, shore: met.b },
      crossings: [out, back],
      totalBytes: { aurora: bytesSent.a, shore: bytesSent.b },
      frames: framesSent.a + framesSent.b,
      framesLost: fates.lost + fates.collided + fates.damaged + fates.cut,
      airtimeMs,
    };
  } finally {
    stopWatching();
  }
}

/** Answers every further mail that reaches the office, as long as the demo runs. Returns how to end it. */
export async function answerMail(world: DemoWorld, screen: Screen): Promise<() => void> {
  const answered = new Set((await mailsIn(world.shore.mailbox)).map(({ file }) => file));
  return world.shore.gateway.relay.listen((event) => {
    if (event.type !== "delivered") return;
    answerNew(world, answered).catch((error: unknown) => screen.say(`  the answer failed: ${String(error)}`));
  });
}

async function answerNew({ aurora, shore }: DemoWorld, answered: Set<string>): Promise<void> {
  for (const { file, mail } of await mailsIn(shore.mailbox)) {
    if (answered.has(file) || answered.size >= LIMITS.answersMax) continue;
    answered.add(file);
    const { subject, messageId } = summarizeMail(mail);
    await post(shore, {
      to: aurora.address,
      subject: `Re: ${plain(subject ?? "your mail", 100)}`,
      text: "Received ashore, thank you. The pump is ordered; the school knows.\nFair winds!\n\nThe office\n",
      ...(messageId ? { inReplyTo: messageId } : {}),
    });
  }
}

async function crossing(
  { radio }: DemoWorld,
  screen: Screen,
  { from, to, act }: { from: Party; to: Party; act: () => Promise<unknown> },
): Promise<Crossing> {
  const before = radio.counters().bytesSent;
  const startMs = performance.now();
  const arrived = expect(to, LIMITS.arrivalMs, (e) => (e.type === "arrived" ? e : null));
  const delivered = expect(to, LIMITS.arrivalMs, (e) => (e.type === "delivered" ? e : null));
  const receipt = expect(from, LIMITS.arrivalMs + LIMITS.receiptMs, (e) => (e.type === "receipt" ? e : null));
  await act();
  const where = `mail from ${from.address} did not arrive at ${to.address}`;
  const arrival = await arrived;
  if (arrival === null || (await delivered) === null) throw new DemoFailure(where);
  const elapsedMs = performance.now() - startMs;
  const proof = await Promise.race([receipt, pause(LIMITS.receiptMs)]);
  const after = radio.counters().bytesSent;
  const mails = await mailsIn(to.mailbox);
  const newest = mails.at(-1);
  if (newest === undefined) throw new DemoFailure(`${where}: its mailbox is empty`);
  const mail = newest.mail.toString("utf8");
  const [sender, receiver] = from.gateway.name === "aurora" ? (["a", "b"] as const) : (["b", "a"] as const);
  showMail(screen, newest.file, mail);
  return {
    from: from.address,
    to: to.address,
    mailBytes: newest.mail.length,
    path: arrival.path,
    verified: arrival.verified,
    airBytes: { out: after[sender] - before[sender], back: after[receiver] - before[receiver] },
    elapsedMs: Math.round(elapsedMs),
    receipt: proof !== null,
    mail,
  };
}

/** The first event that `pick` wants, or null when its time is over. */
function expect<T>(party: Party, limitMs: number, pick: (event: Telemetry) => T | null): Promise<T | null> {
  return new Promise((resolve) => {
    const done = (value: T | null): void => {
      clearTimeout(timer);
      end();
      resolve(value);
    };
    const timer = setTimeout(() => done(null), limitMs);
    const end = party.gateway.relay.listen((event) => {
      const picked = pick(event);
      if (picked !== null) done(picked);
    });
  });
}

function pause(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms).unref());
}

function showMail(screen: Screen, file: string, mail: string): void {
  screen.say(`\n   ${file}`);
  const shown = mail.slice(0, LIMITS.mailShownBytesMax);
  for (const line of shown.split(/\r?\n/)) screen.say(`   | ${plain(line, 200)}`);
}

export function summaryOf(story: Story): string {
  const { totalBytes, handshakeBytes } = story;
  const all = totalBytes.aurora + totalBytes.shore;
  const handshake = handshakeBytes.aurora + handshakeBytes.shore;
  const crossings = story.crossings.flatMap((c) => [
    `  ${c.from} -> ${c.to}: ${bytesText(c.mailBytes)} in the mailbox, ${c.airBytes.out + c.airBytes.back} bytes on the air`,
    `    (${c.airBytes.out} from the sender, ${c.airBytes.back} answers), ${(c.elapsedMs / 1_000).toFixed(1)} s in this demo`,
    `    path ${plain(c.path)}: ${c.verified ? "every signature verified" : "UNVERIFIED"}; receipt ${c.receipt ? "came back" : "has not come yet"}`,
  ]);
  return [
    "",
    "Summary",
    ...crossings,
    `  all bytes on the air: ${all} (aurora ${totalBytes.aurora}, shore ${totalBytes.shore}), of these ${handshake} to meet`,
    `  without the handshake: ${all - handshake}; ${story.frames} radio frames, ${story.framesLost} lost; ${(story.airtimeMs / 1_000).toFixed(0)} s of airtime at real speed`,
  ].join("\n");
}
