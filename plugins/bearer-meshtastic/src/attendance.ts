import { type Clock, sleep } from "@estafette/contract";
import type { FromRadio } from "./from-radio.js";
import { MESHTASTIC_LIMITS } from "./limits.js";
import type { RadioSession } from "./radio-session.js";
import { greetingFrame, heartbeatFrame, NODES_NONCE, WAKE } from "./to-radio.js";

/** Greets a radio, again after each of its restarts, and shows it signs of life. Returns when the session is over;
 *  closes it when the radio does not answer. `newNonce`: never a special one. */
export async function attend(session: RadioSession, clock: Clock, newNonce: () => number): Promise<void> {
  while (await greeted(session, clock, newNonce)) {
    if (!(await restarted(session))) return;
  }
}

async function greeted(session: RadioSession, clock: Clock, newNonce: () => number): Promise<boolean> {
  for (let attempt = 0; attempt < MESHTASTIC_LIMITS.greetingsMax; attempt++) {
    const nonce = newNonce();
    const complete = session.expect(isComplete(nonce), MESHTASTIC_LIMITS.greetingMsMax);
    await session.write(WAKE);
    await sleep(clock, WAKE_MS);
    if (!(await session.write(greetingFrame(nonce)))) complete.cancel();
    const answer = await complete.answer;
    if (answer === "gone") return false;
    if (answer !== "silent") return true;
  }
  session.close("the radio does not answer a greeting");
  return false;
}

/** Waits for the next restart; false when the session is over first. */
async function restarted(session: RadioSession): Promise<boolean> {
  for (let beat = 1; ; beat++) {
    const news = await session.expect(({ type }) => type === "rebooted", MESHTASTIC_LIMITS.heartbeatMs)
      .answer;
    if (news === "gone") return false;
    if (news !== "silent") return true;
    if (!(await isAlive(session))) {
      session.close("the radio has fallen silent");
      return false;
    }
    if ((beat * MESHTASTIC_LIMITS.heartbeatMs) % MESHTASTIC_LIMITS.nodesEveryMs === 0)
      await session.write(greetingFrame(NODES_NONCE));
  }
}

/** One question may be lost in a restart or in noise. */
async function isAlive(session: RadioSession): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    const answer = session.expect(({ type }) => type === "queue-status", MESHTASTIC_LIMITS.answerMsMax);
    await session.write(heartbeatFrame());
    if ((await answer.answer) !== "silent") return true;
  }
  return false;
}

function isComplete(nonce: number): (message: FromRadio) => boolean {
  return (message) => message.type === "config-complete" && message.nonce === nonce;
}

/** Between the wake-up bytes and the greeting, as the vendor's own client waits. */
const WAKE_MS = 100;
