import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress, parseHeaderMailboxes } from "./index.js";

const FUZZ_CASES = Number(process.env.FUZZ_CASES ?? 2_000);

describe("parseAddress", () => {
  it.each([
    ["anna@ship.example", "anna@ship.example"],
    ["Anna.B+tag@SHIP.Example", "Anna.B+tag@ship.example"],
    ["x_y-z=1@a-b.c1", "x_y-z=1@a-b.c1"],
    ["root@localhost", "root@localhost"],
    ["u@xn--mnchen-3ya.example", "u@xn--mnchen-3ya.example"],
    [`${"a".repeat(64)}@ship.example`, `${"a".repeat(64)}@ship.example`],
  ])("reads %s", (text, expected) => {
    expect(parseAddress(text)?.text).toBe(expected);
  });

  it.each([
    '"x@evil.example x"@ship.example',
    '"anna"@ship.example',
    "anna@ship.example(comment)",
    "(c)anna@ship.example",
    "<anna@ship.example>",
    "anna@ship.example,b@c.example",
    "group:anna@ship.example;",
    "@relay.example:anna@ship.example",
    "anna%evil.example@ship.example",
    "evil.example!anna@ship.example",
    " anna@ship.example",
    "anna@ship.example\n",
    "anna@ship.example\r\nRCPT TO:<eve@evil.example>",
    "anna\0@ship.example",
    "anna@@ship.example",
    "anna@b@ship.example",
    "@ship.example",
    "anna@",
    "anna",
    "",
    ".anna@ship.example",
    "anna.@ship.example",
    "an..na@ship.example",
    "anna@ship..example",
    "anna@.ship.example",
    "anna@ship.example.",
    "anna@-ship.example",
    "anna@ship-.example",
    "anna@ship_x.example",
    "anna@[127.0.0.1]",
    "anna@127.0.0.1",
    "änna@ship.example",
    "anna@schiff\u200b.example",
    "anna@sh\u0131p.example",
    `${"a".repeat(65)}@ship.example`,
    `anna@${"a".repeat(64)}.example`,
    `anna@${"a.".repeat(125)}example`,
  ])("refuses %j", (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it("gives back only what it would read the same way again, and nothing that could end a line or a path", () => {
    const piece = fc.constantFrom(...'ab.@<>(),;:\\"[]%! \r\n\0-_1é', "ship.example", "@", "x");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(piece).map((p) => p.join("")),
        ),
        (text) => {
          const address = parseAddress(text);
          if (address === null) return;
          expect(address.text).toMatch(/^[!-~]+$/);
          expect(address.text).not.toMatch(/[\s"(),:;<>@[\\\]%!].*@|@.*[^a-z0-9.-]/);
          expect(parseAddress(address.text)).toEqual(address);
        },
      ),
      { numRuns: FUZZ_CASES },
    );
  });

  it("stays quick on long hostile text", () => {
    for (const text of ["a".repeat(1e6), "a.".repeat(5e5), `a@${"a-".repeat(5e5)}`, "@".repeat(1e6)]) {
      expect(parseAddress(text)).toBeNull();
      expect(parseHeaderMailboxes(text)).toBeNull();
    }
  }, 10_000);
});

describe("parseHeaderMailboxes", () => {
  const read = (value: string): [string, string][] | null => {
    return parseHeaderMailboxes(value)?.map(({ name, address }) => [name, address.text]) ?? null;
  };

  it.each<[string, [string, string][]]>([
    ["anna@ship.example", [["", "anna@ship.example"]]],
    ["<anna@ship.example>", [["", "anna@ship.example"]]],
    ["Anna B. Berg <anna@ship.example>", [["Anna B. Berg", "anna@ship.example"]]],
    ['"Berg, \\"Anna\\"" <anna@ship.example>', [['Berg, "Anna"', "anna@ship.example"]]],
    ['"anna@ship.example" <anna@ship.example>', [["anna@ship.example", "anna@ship.example"]]],
    ["=?utf-8?q?Andr=C3=A9?= <a@b.example>", [["=?utf-8?q?Andr=C3=A9?=", "a@b.example"]]],
    ["a@b.example (Anna)", [["", "a@b.example"]]],
    [
      "A <a@b.example>,\r\n B <c@d.example>",
      [
        ["A", "a@b.example"],
        ["B", "c@d.example"],
      ],
    ],
    ["", []],
  ])("reads %j", (value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  it.each([
    "a@b.example c@d.example",
    "a@evil.example <c@d.example>",
    "<a@b.example> <c@d.example>",
    "<a@b.example> c@d.example",
    "Crew: a@b.example, c@d.example;",
    "<@relay.example:a@b.example>",
    '"a"@b.example',
    '<"a"@b.example>',
    '"a@evil.example"x@b.example',
    'x"a"@b.example',
    "a(@evil.example)@b.example",
    "a@b.example (x (y))",
    "a@b.example (<c@d.example>)",
    "a@b.example,",
    ", a@b.example",
    "a@b.example\r\nBcc: c@d.example",
    "a@b.example\0",
    "<a@b.example",
    "a@b.example>",
    '"unclosed <a@b.example>',
    "Anna",
    "<>",
  ])("gives up on %j", (value) => {
    expect(read(value)).toBeNull();
  });

  it("never finds an address that the strict parser would not read", () => {
    const piece = fc.constantFrom(...'a@<>(),;:\\"[] \t\r\n', "b.example", "a@b.example", "=?x?q?y?=");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        for (const { address } of parseHeaderMailboxes(pieces.join("")) ?? []) {
          expect(parseAddress(address.text)).toEqual(address);
        }
      }),
      { numRuns: FUZZ_CASES },
    );
  });
});
