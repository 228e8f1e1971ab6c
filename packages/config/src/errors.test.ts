import { describe, expect, it } from "vitest";
import { ConfigErrors, formatConfigError, formatKey, parseConfig } from "./index.js";

const KEY = formatKey(new Uint8Array(32).fill(7));
const HEAD = "version: 1\nnode: {name: aurora, mail_domain: aurora.example}\n";

/** All errors of a text, one line each. */
function errorsOf(text: string): string[] {
  try {
    parseConfig(text, "e.yaml", { secrets: (name) => (name === "anna" ? "correct horse" : null) });
  } catch (error) {
    if (error instanceof ConfigErrors) return error.errors.map(formatConfigError);
    throw error;
  }
  return [];
}

describe("errors name line, column, key and fix", () => {
  const cases: readonly [string, string, readonly string[]][] = [
    ["nothing", "", ["e.yaml:1:1  nothing is not a map of keys and values. Write a map of keys and values"]],
    [
      "a list",
      "- 1\n",
      ["e.yaml:1:1  a list is not a map of keys and values. Write a map of keys and values"],
    ],
    ["no node", "version: 1\n", ['e.yaml:1:1  node  this key is missing. Add "node: …"']],
    ["no name", "version: 1\nnode: {}\n", ['e.yaml:2:1  node.name  this key is missing. Add "name: …"']],
    [
      "a wrong version",
      "version: 2\nnode: {name: a}\n",
      ["e.yaml:1:1  version  2 is not allowed here. Write 1"],
    ],
    ["an unknown key", `${HEAD}lnks: {}\n`, ['e.yaml:3:1  lnks  unknown key. Did you mean "links"?']],
    [
      "an unknown inner key",
      `${HEAD}state:\n  directroy: /x\n`,
      ['e.yaml:4:3  state.directroy  unknown key. Did you mean "directory"?'],
    ],
    [
      "a key unlike any",
      `${HEAD}state:\n  colour: red\n`,
      ["e.yaml:4:3  state.colour  unknown key. Known here: directory, quota"],
    ],
    [
      "a bare number",
      `${HEAD}state: {quota: 200}\n`,
      ["e.yaml:3:9  state.quota  200 needs a unit. Write for example 200 kB"],
    ],
    [
      "a quoted bare number",
      `${HEAD}lifetime: "7"\n`,
      ["e.yaml:3:1  lifetime  7 needs a unit. Write for example 7h"],
    ],
    [
      "a foreign unit",
      `${HEAD}lifetime: 7 days\n`,
      ['e.yaml:3:1  lifetime  "days" is not a unit of a duration. Use one of ms, s, min, m, h, d, w'],
    ],
    [
      "a wrong case",
      `${HEAD}state: {quota: 20 KB}\n`,
      ['e.yaml:3:9  state.quota  "KB" is not a unit of a size. Write 20 kB'],
    ],
    [
      "out of range",
      `${HEAD}lifetime: 90d\n`,
      ['e.yaml:3:1  lifetime  "90d" is out of range. Use 1h to 30d'],
    ],
    [
      "not a number",
      `${HEAD}lifetime: soon\n`,
      ['e.yaml:3:1  lifetime  "soon" is not a duration. Write for example 6h'],
    ],
    [
      "a boolean that is text",
      `${HEAD}receipts: "yes"\n`,
      ['e.yaml:3:1  receipts  "yes" is not true or false. Write true or false'],
    ],
    [
      "a plain password",
      `${HEAD}users:\n  anna: {password: hunter2}\n`,
      [
        "e.yaml:4:10  users.anna.password  a secret must not stand in this file. Write !secret name and put the value into secrets.yaml",
      ],
    ],
    [
      "a missing secret",
      `${HEAD}users:\n  anna: {password: !secret bob}\n`,
      [
        'e.yaml:4:10  users.anna.password  there is no secret "bob". Add the line "bob: …" to secrets.yaml beside this file (mode 0600)',
      ],
    ],
    [
      "a secret in the wrong place",
      `${HEAD}lifetime: !secret anna\n`,
      ["e.yaml:3:1  lifetime  a secret cannot stand here. Write the value itself"],
    ],
    [
      "a mistyped key",
      `${HEAD}peers:\n  shore: {key: ${KEY.slice(0, -1)}q}\n`,
      [
        "e.yaml:4:11  peers.shore.key  this key has a typing mistake: its checksum is wrong. Copy it from `estafette peer invite` of that gateway; it begins with estkey1",
      ],
    ],
    [
      "an unknown peer",
      `${HEAD}peers:\n  shore: {key: ${KEY}}\nexit: shor\n`,
      ['e.yaml:5:1  exit  there is no peer "shor". Did you mean "shore"?'],
    ],
    [
      "an unknown link",
      `${HEAD}peers:\n  shore: {key: ${KEY}, links: [hf]}\n`,
      [
        `e.yaml:4:${11 + 5 + KEY.length + 2 + 8}  peers.shore.links.0  there is no link "hf". There is no link in this file yet`,
      ],
    ],
    [
      "a rate of bits where bytes are meant",
      `${HEAD}links:\n  hf: {driver: serial, drain_rate: 100 bit/s}\n`,
      [
        'e.yaml:4:24  links.hf.drain_rate  "bit/s" is not a unit of a rate in bytes per second. Use one of B/s, kB/s, MB/s',
      ],
    ],
    [
      "sealed mail on amateur radio, without a call sign or an operator",
      `${HEAD}links:\n  packet: {driver: kiss, service: amateur, content: encrypted}\n`,
      [
        "e.yaml:4:3  links.packet.station_id  an amateur station must identify itself. Add station_id: your call sign",
        "e.yaml:4:3  links.packet.automatic  without an operator this link may not transmit. Add windows: when an operator is there, or automatic: true where your licence allows it",
        "e.yaml:4:44  links.packet.content  nothing obscured may be sent on amateur bands. Remove it: what is sealed waits, or goes another way",
      ],
    ],
    [
      "a call sign that is none",
      `${HEAD}links:\n  packet: {driver: kiss, station_id: N0CALL-16}\n`,
      [
        'e.yaml:4:26  links.packet.station_id  "N0CALL-16" is not a call sign. Write for example N0CALL or N0CALL-7',
      ],
    ],
    [
      "an operator where none is needed",
      `${HEAD}links:\n  packet: {driver: kiss, service: ism, automatic: true}\n`,
      [
        "e.yaml:4:40  links.packet.automatic  only amateur links need to be told. Remove it, or add service: amateur",
      ],
    ],
    [
      "a share without its sign",
      `${HEAD}links:\n  hf: {driver: serial, urgent_share: 20}\n`,
      ["e.yaml:4:24  links.hf.urgent_share  20 needs a unit. Write for example 20 %"],
    ],
    [
      "a deadline shorter than that of a more urgent class",
      `${HEAD}deadlines: {normal: 5m}\n`,
      [
        "e.yaml:3:13  deadlines.normal  shorter than that of priority. The more urgent class comes first: raise normal",
      ],
    ],
    [
      "everything kept for the urgent",
      `${HEAD}links:\n  hf: {driver: serial, urgent_share: 95 %}\n`,
      ['e.yaml:4:24  links.hf.urgent_share  "95 %" is out of range. Use 0 % to 90 %'],
    ],
    [
      "a mistyped price",
      `${HEAD}links:\n  sat: {driver: serial, credits: {per_dy: 3}}\n`,
      ['e.yaml:4:35  links.sat.credits.per_dy  unknown key. Did you mean "per_day"?'],
    ],
    [
      "a key twice",
      `${HEAD}peers:\n  a: {key: ${KEY}}\n  b: {key: ${KEY}}\n`,
      ["e.yaml:5:7  peers.b.key  this is the key of peer a. Each gateway has its own"],
    ],
    [
      "a domain twice",
      `${HEAD}peers:\n  a: {key: ${KEY}, domains: [aurora.example]}\n`,
      [
        `e.yaml:4:${7 + 5 + KEY.length + 2 + 10}  peers.a.domains.0  aurora.example already belongs to this gateway. Name it once`,
      ],
    ],
    [
      "a foreign address",
      `${HEAD}users:\n  anna: {addresses: [anna@gmail.com]}\n`,
      [
        "e.yaml:4:22  users.anna.addresses.0  gmail.com is not a mail domain of this gateway. Our domains: aurora.example",
      ],
    ],
    [
      "an address twice",
      `${HEAD}users:\n  a: {addresses: [x@aurora.example]}\n  b: {addresses: [x@aurora.example]}\n`,
      ["e.yaml:5:19  users.b.addresses.0  x@aurora.example already belongs to a. Each address has one owner"],
    ],
    [
      "a bad listener",
      `${HEAD}mail:\n  submission: {listen: "587", tls: none}\n`,
      [
        'e.yaml:4:16  mail.submission.listen  "587" is not host:port. Write for example 127.0.0.1:2525 or [::1]:2525',
      ],
    ],
    [
      "a union's inside",
      `${HEAD}mail:\n  submission: {listen: "127.0.0.1:1", tls: {key: a, crt: b}}\n`,
      [
        'e.yaml:4:39  mail.submission.tls.cert  this key is missing. Add "cert: …"',
        'e.yaml:4:53  mail.submission.tls.crt  unknown key. Did you mean "cert"?',
      ],
    ],
    [
      "a union's outside",
      `${HEAD}mail:\n  submission: {listen: "127.0.0.1:1", tls: auto}\n`,
      ['e.yaml:4:39  mail.submission.tls  "auto" is not allowed here. Write a map with key, cert'],
    ],
    [
      "half a login",
      `${HEAD}mail:\n  smarthost: {host: h, user: u}\n`,
      ["e.yaml:4:24  mail.smarthost.user  user and password belong together. Give both or neither"],
    ],
    [
      "an exit without a mail server",
      `${HEAD}peers:\n  a: {key: ${KEY}, exit_from: ["@a.example"]}\n`,
      [
        `e.yaml:4:${7 + 5 + KEY.length + 2}  peers.a.exit_from  we are to put mail on the internet, but there is no mail server for it. Add mail.smarthost, or remove exit_from`,
      ],
    ],
    [
      "a bad name",
      `${HEAD}links:\n  "H F": {driver: tcp}\n`,
      ['e.yaml:4:3  links."H F"  "H F" is not a name. Use 1 to 32 of a-z, 0-9 and inner hyphens'],
    ],
    [
      "a driver missing",
      `${HEAD}links:\n  hf: {}\n`,
      ['e.yaml:4:3  links.hf.driver  this key is missing. Add "driver: …"'],
    ],
    [
      "a number as key",
      `${HEAD}users:\n  7: {}\n`,
      ["e.yaml:4:3  users.7  a key must be text. Put it into quotes"],
    ],
    [
      "a dangerous key",
      `${HEAD}users:\n  __proto__: {}\n`,
      ['e.yaml:4:3  users."?"  this cannot be a key. A key is a word'],
    ],
    [
      "an alias",
      `${HEAD}state: &s {quota: 1 GB}\nclock: *s\n`,
      ["e.yaml:4:1  clock  aliases are not supported. Write the value out"],
    ],
    [
      "several at once",
      `versoin: 1\nnode: {name: Aurora}\nlifetime: 7\n`,
      [
        'e.yaml:1:1  version  this key is missing. Add "version: …"',
        'e.yaml:1:1  versoin  unknown key. Did you mean "version"?',
        'e.yaml:2:8  node.name  "Aurora" is not a name. Use 1 to 32 of a-z, 0-9 and inner hyphens',
        "e.yaml:3:1  lifetime  7 needs a unit. Write for example 7h",
      ],
    ],
  ];
  it.each(cases)("%s", (_title, text, expected) => {
    expect(errorsOf(text)).toEqual(expected);
  });
});

describe("a syntax error", () => {
  it.each([
    ["an open bracket", `${HEAD}links: [\n`, /^e\.yaml:[34]:\d+ {2}not YAML: /],
    ["a tab", `${HEAD}state:\n\tquota: 1 GB\n`, /^e\.yaml:4:1 {2}not YAML: .*Indent with spaces/],
    ["a key twice", `${HEAD}version: 1\n`, /^e\.yaml:3:1 {2}not YAML: .*Keep one of them/],
    [
      "a foreign tag",
      `${HEAD}exit: !!python/object x\n`,
      /^e\.yaml:3:7 {2}not YAML: .*The only tag here is !secret name/,
    ],
    ["two documents", `${HEAD}---\nversion: 1\n`, /^e\.yaml:3:1 {2}not YAML/],
  ])("%s is reported alone, with its place", (_title, text, expected) => {
    const errors = errorsOf(`${text}lnks: 3\n`);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(expected);
  });

  it.each([
    ["flow", "[".repeat(100_000)],
    ["block", "- ".repeat(100_000)],
    ["questions", "? ".repeat(50_000)],
    ["braces", "{a: ".repeat(50_000)],
    ["length", "a".repeat(300_000)],
    ["many nodes", `[${"1,".repeat(100_000)}1]`],
  ])("a bomb of %s costs little", (_title, text) => {
    expect(errorsOf(text).length).toBeGreaterThan(0);
  });
});
