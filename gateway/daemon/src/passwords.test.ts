import type { Clock } from "@estafette/contract";
import { systemRng } from "@estafette/runtime";
import { describe, expect, it } from "vitest";
import { DAEMON_LIMITS as LIMITS } from "./limits.js";
import { createLog } from "./log.js";
import { createAuthenticator } from "./passwords.js";

/** A clock that stands until it is moved. */
function standingClock(): Clock & { move(ms: number): void } {
  let nowMs = 1_000;
  return {
    monotonicMs: () => nowMs,
    bootId: () => "test",
    unixMs: () => nowMs,
    trust: () => "trusted",
    timer: () => () => {},
    move: (ms) => {
      nowMs += ms;
    },
  };
}

const anna = { name: "anna", password: "correct hörse", addresses: ["anna@aurora.example"] };
const nobody = { name: "nobody", password: null, addresses: ["nobody@aurora.example"] };

function authenticator(clock: Clock) {
  return createAuthenticator({ users: [anna, nobody], clock, rng: systemRng(), log: () => {} });
}

describe("passwords", () => {
  it("admit whoever has the right one, in any Unicode spelling", async () => {
    const check = authenticator(standingClock());
    const account = { name: "anna", addresses: ["anna@aurora.example"] };
    expect(await check("anna", "correct hörse")).toEqual(account);
    expect(await check("anna", "correct ho\u0308rse")).toEqual(account);
    expect(await check("anna", "correct horse")).toBeNull();
    expect(await check("nobody", "")).toBeNull();
    expect(await check("stranger", "correct hörse")).toBeNull();
    expect(await check("__proto__", "x")).toBeNull();
  });

  it("cost a stranger as much time as a user", async () => {
    const check = authenticator(standingClock());
    await check("anna", "warm up");
    const timeOf = async (user: string): Promise<number> => {
      const start = performance.now();
      await check(user, "wrong");
      return performance.now() - start;
    };
    const [known, unknown] = [await timeOf("anna"), await timeOf("stranger")];
    expect(unknown).toBeGreaterThan(known / 4);
    expect(known).toBeGreaterThan(unknown / 4);
  });

  it("make a name wait after five wrong ones, twice as long each time, and no other name", async () => {
    const clock = standingClock();
    const check = authenticator(clock);
    for (let i = 0; i < LIMITS.wrongPasswordsMax; i++) expect(await check("anna", "wrong")).toBeNull();
    expect(await check("anna", anna.password)).toBeNull();
    clock.move(LIMITS.wrongPasswordWaitMs - 1);
    expect(await check("anna", anna.password)).toBeNull();
    clock.move(2);
    expect(await check("anna", "wrong")).toBeNull();
    clock.move(LIMITS.wrongPasswordWaitMs + 1);
    expect(await check("anna", anna.password)).toBeNull();
    clock.move(LIMITS.wrongPasswordWaitMs + 1);
    expect(await check("anna", anna.password)).not.toBeNull();
    expect(await check("anna", anna.password)).not.toBeNull();
  });

  it("turn a crowd away instead of filling the memory", async () => {
    const check = authenticator(standingClock());
    const crowd = LIMITS.passwordChecksMax + LIMITS.passwordChecksWaitingMax + 10;
    const results = await Promise.all(Array.from({ length: crowd }, (_, i) => check(`user${i}`, "x")));
    expect(results.every((r) => r === null)).toBe(true);
    expect(await check("anna", anna.password)).not.toBeNull();
  });
});

describe("the log", () => {
  it("is one line of key=value, without control characters", () => {
    const lines: string[] = [];
    const log = createLog({ clock: standingClock(), debug: false, write: (line) => lines.push(line) });
    log("info", 'sent "it"\nlevel=error', { id: "4F2K-M2QX", "bad key": "a\u001b[31mb", n: 3, list: [1, 2] });
    expect(lines).toEqual([
      'level=info msg="sent \\"it\\" level=error" id=4F2K-M2QX bad_key="a [31mb" n=3 list="[1,2]"\n',
    ]);
  });

  it("keeps people and their words out above debug", () => {
    const lines: string[] = [];
    const log = createLog({ clock: standingClock(), debug: true, write: (line) => lines.push(line) });
    const fields = { from: "anna@aurora.example", to: ["x@y.example"], subject: "secret", bytes: 3 };
    log("info", "accepted", fields);
    log("warn", "refused", fields);
    log("debug", "accepted", fields);
    expect(lines[0]).toBe("level=info msg=accepted bytes=3\n");
    expect(lines[1]).toBe("level=warn msg=refused bytes=3\n");
    expect(lines[2]).toContain("anna@aurora.example");
  });

  it("cuts a storm and says how much it cut", () => {
    const clock = standingClock();
    const lines: string[] = [];
    const log = createLog({ clock, debug: false, write: (line) => lines.push(line) });
    for (let i = 0; i < 10_000; i++) log("warn", "storm");
    expect(lines).toHaveLength(LIMITS.logLinesBurst);
    clock.move(1_000);
    log("warn", "after");
    expect(lines.at(-1)).toContain(`dropped_lines=${10_000 - LIMITS.logLinesBurst}`);
    log("info", "long", { text: "x".repeat(5_000) });
    expect(lines.at(-1)?.length).toBe(LIMITS.logLineCharactersMax + 1);
  });
});
