import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Wire } from "./wire.js";

const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2_000);

/** Feeds text in chunks cut at `cuts`; returns what was wrong, "" for nothing. */
function run(text: string, cuts: readonly number[] = []): string {
  let what = "";
  const wire = new Wire(
    () => 1,
    (violation) => {
      what = violation;
    },
  );
  wire.answered(220);
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    wire.feed(Buffer.from(text.slice(from, cut), "latin1"));
    from = Math.max(from, cut);
  }
  expect(wire.violated).toBe(what !== "");
  return what;
}

describe("Wire", () => {
  it("lets whole lines pass and stops at a bare CR, a bare LF and NUL, however they are cut", () => {
    const piece = fc.constantFrom("\r\n", "\r", "\n", "\0", "a", "NOOP", ".", " ");
    const cuts = fc.array(fc.nat({ max: 60 }), { maxLength: 6 }).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), cuts, (pieces, at) => {
        const text = pieces.join("");
        // A CR at the very end may still be followed by its LF.
        const clean = !/\0|\r(?!\n|$)|(?<!\r)\n/.test(text);
        expect(run(text, at) === "").toBe(clean);
      }),
      { numRuns: FUZZ_CASES },
    );
  });

  it("wants an answer before anything follows DATA or STARTTLS", () => {
    for (const verb of ["DATA", "data ", "STARTTLS"]) {
      expect(run(`${verb}\r\n`)).toBe("");
      expect(run(`${verb}\r\nx`)).toBe("data before the answer");
      expect(run(`NOOP\r\n${verb}\r\nNOOP\r\n`, [8])).toBe("data before the answer");
    }
    expect(run("DATABASE\r\nNOOP\r\n")).toBe("");
  });

  it("follows a conversation: data after 354, commands after a refusal and after the final dot", () => {
    const seen: string[] = [];
    const wire = new Wire(
      () => 2,
      (what) => seen.push(what),
    );
    const say = (text: string): void => wire.feed(Buffer.from(text, "latin1"));
    wire.answered(220);
    say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    for (const code of [250, 550, 503]) wire.answered(code);
    say("RSET\r\n");
    wire.answered(250);
    say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    wire.answered(250);
    wire.answered(250);
    wire.answered(354);
    say("DATA\r\nx\r\n..\r\n.x\r\n.\r\nQUIT\r\n");
    for (const code of [250, 250, 221]) wire.answered(code);
    say("DATA\r\n");
    wire.answered(503);
    say("NOOP\r\n");
    expect(seen).toEqual([]);
    say("DATA\r\nx");
    expect(seen).toEqual(["data before the answer"]);
  });

  it("remembers source routes and forgets them when TLS begins", () => {
    const wire = new Wire(
      () => 1,
      () => undefined,
    );
    wire.feed(Buffer.from("RCPT TO:<@a.example,@b.example:Anna@c.example>\r\nRCPT TO:<ben@c.example>\r\n"));
    expect(wire.wasRouted("anna@C.example")).toBe(true);
    expect(wire.wasRouted("ben@c.example")).toBe(false);
    wire.restart();
    expect(wire.wasRouted("anna@c.example")).toBe(false);
  });

  it("keeps no more than a bounded memory of anything", () => {
    expect(run("x".repeat(100_000))).toBe("");
    const routes = Array.from({ length: 100 }, (_, i) => `RCPT TO:<@r:u${i}@x>\r\n`).join("");
    expect(run(routes)).toBe("too many source routes");
  });
});
