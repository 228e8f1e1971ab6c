import { describe, expect, it } from "vitest";
import { Expectations, unlessAborted } from "./index.js";

/** Timers that run when told to. */
function handClock() {
  const timers = new Set<() => void>();
  return {
    timers,
    timer(_delayMs: number, onElapsed: () => void): () => void {
      timers.add(onElapsed);
      return () => timers.delete(onElapsed);
    },
  };
}

describe("expectations", () => {
  it("are answered by the first message that matches, each by its own, and leave no timer", async () => {
    const clock = handClock();
    const expectations = new Expectations<{ readonly n: number }>(clock);
    const odd = expectations.expect(({ n }) => n % 2 === 1, 10);
    const any = expectations.expect(() => true, 10);
    expectations.offer({ n: 2 });
    expectations.offer({ n: 3 });
    expectations.offer({ n: 5 });
    expect([await odd.answer, await any.answer]).toEqual([{ n: 3 }, { n: 2 }]);
    expect(clock.timers.size).toBe(0);
  });

  it("end in silence, by time or because nobody cares any more", async () => {
    const clock = handClock();
    const expectations = new Expectations<{ readonly n: number }>(clock);
    const late = expectations.expect(() => true, 10);
    for (const elapse of [...clock.timers]) elapse();
    const dropped = expectations.expect(() => true, 10);
    dropped.cancel();
    dropped.cancel();
    expect([await late.answer, await dropped.answer]).toEqual(["silent", "silent"]);
  });

  it("are told when the device is gone, and so is who asks later", async () => {
    const expectations = new Expectations<object>(handClock());
    const waiting = expectations.expect(() => true, 10);
    expectations.end();
    expect(await waiting.answer).toBe("gone");
    expect(await expectations.expect(() => true, 10).answer).toBe("gone");
  });

  it("can be given up by a signal, before or while waiting, and leave no listener that fires", async () => {
    const clock = handClock();
    const expectations = new Expectations<object>(clock);
    const stop = new AbortController();
    const waiting = unlessAborted(
      expectations.expect(() => true, 10),
      stop.signal,
    );
    stop.abort();
    expect(await waiting).toBe("aborted");
    expect(
      await unlessAborted(
        expectations.expect(() => true, 10),
        stop.signal,
      ),
    ).toBe("aborted");
    expect(clock.timers.size).toBe(0);
    const message = { n: 1 };
    const heard = unlessAborted(
      expectations.expect(() => true, 10),
      new AbortController().signal,
    );
    expectations.offer(message);
    expect(await heard).toBe(message);
  });

  it("are bounded", () => {
    const expectations = new Expectations<object>(handClock());
    for (let count = 0; count < 16; count++) expectations.expect(() => true, 10);
    expect(() => expectations.expect(() => true, 10)).toThrow(/too many wait/);
  });
});
