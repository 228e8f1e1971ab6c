import { ConfigError } from "@estafette/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ConfigErrors,
  configJsonSchema,
  configReference,
  formatConfigError,
  formatKey,
  optionKey,
  parseConfig,
  parseKey,
  parseSecrets,
} from "./index.js";

const KEY = formatKey(new Uint8Array(32).fill(7));
const OTHER = formatKey(new Uint8Array(32).fill(9));
const secrets = (name: string): string | null => (name === "anna" ? "correct horse" : null);
const parse = (text: string) => parseConfig(text, "e.yaml", { secrets });

/** All errors of a text, one line each. */
function errorsOf(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigErrors) return error.errors.map(formatConfigError);
    throw error;
  }
  return [];
}

const HEAD = "version: 1\nnode: {name: aurora, mail_domain: aurora.example}\n";

const SHIP = `version: 1
node:
  name: aurora
  mail_domain: Aurora.Example
state: {directory: /tmp/x, quota: 200 MB}
peers:
  shore:
    key: ${KEY}
    domains: [shore.example]
exit: shore
links:
  hf:
    driver: serial
    peer: shore
    port: /dev/serial/by-id/usb-radio
    baud: 9600
    rate: 1200 bit/s
    turnaround: 250 ms
    parcel_max: 255 B
    airtime_per_hour: 10 %
    airtime_per_day: 5 %
    drain_rate: 100 B/s
    credits: {per_contact: 1, per_kilobyte: 0.5, per_day: 40}
    urgent_share: 25 %
    windows: ["cron 0 6,18 * * * for 30m"]
    login_word: !secret anna
routing:
  - {match: "*", via: [shore]}
mail:
  submission: {listen: 0.0.0.0:587, tls: {key: k.pem, cert: c.pem}}
  mailbox: {maildir: /var/mail}
  smarthost: {host: 127.0.0.1, port: 25, tls: none}
  size_max: 1.9 kB
users:
  anna: {password: !secret anna}
  captain: {addresses: [captain@aurora.example, "*@aurora.example"]}
lifetime: 3d
retry: [10s, 1m]
deadlines: {normal: 2h}
`;

describe("a good file", () => {
  it("becomes settings in base units, with defaults and derived names", () => {
    const config = parse(SHIP);
    expect(config.node).toEqual({ name: "aurora", domains: ["aurora.example"] });
    expect(config.state).toEqual({ directory: "/tmp/x", quotaBytes: 200e6 });
    expect(config.peers).toEqual([
      {
        name: "shore",
        root: new Uint8Array(32).fill(7),
        domains: ["shore.example"],
        links: ["hf"],
        exitFrom: [],
        transit: true,
      },
    ]);
    expect(config.links).toEqual([
      {
        name: "hf",
        driver: "serial",
        peers: ["shore"],
        chain: "auto",
        neighbours: {},
        policy: { service: null, content: "any", attended: false },
        budget: {
          drainBytesPerS: 100,
          airtimeMsPerDayMax: 4_320_000,
          credits: { perContact: 1, perKilobyte: 0.5, perDay: 40, perMonth: null },
          urgentShare: 0.25,
          windows: ["cron 0 6,18 * * * for 30m"],
        },
        options: {
          port: "/dev/serial/by-id/usb-radio",
          baud: 9600,
          bitsPerSecond: 1200,
          turnaroundMs: 250,
          parcelBytesMax: 255,
          airtimeMsPerHourMax: 360_000,
          loginWord: "correct horse",
        },
      },
    ]);
    expect(config.mail.messageBytesMax).toBe(1900);
    expect(config.users).toEqual([
      { name: "anna", password: "correct horse", addresses: ["anna@aurora.example"] },
      { name: "captain", password: null, addresses: ["captain@aurora.example", "*@aurora.example"] },
    ]);
    expect([config.lifetimeS, config.retryS, config.hopMax, config.receipts]).toEqual([
      259_200,
      [10, 60],
      16,
      true,
    ]);
    expect(config.deadlinesMs).toEqual([60_000, 600_000, 7_200_000, 259_200_000]);
  });

  it("needs only a version and a name", () => {
    const config = parse("version: 1\nnode: {name: aurora}\n");
    expect(config.state.directory).toBe("/var/lib/estafette");
    expect(config.lifetimeS).toBe(604_800);
    expect(config.mail.messageBytesMax).toBe(10_000_000);
    expect(config.apiSocket).toBeNull();
  });

  it("says what the law of the band allows on a link, failing closed", () => {
    const packet = (keys: string) => parse(`${HEAD}links:\n  packet: {driver: kiss, ${keys}}\n`).links[0];
    expect(packet("service: amateur, station_id: n0call-7, automatic: true")).toMatchObject({
      policy: { service: "amateur", content: "clear-signed", attended: false },
      options: { stationId: "N0CALL-7", idIntervalMs: 600_000 },
    });
    const hours =
      'service: amateur, station_id: N0CALL, id_interval: 5m, windows: ["cron 0 18 * * * for 2h"]';
    expect(packet(hours)).toMatchObject({
      policy: { content: "clear-signed", attended: true },
      options: { idIntervalMs: 300_000 },
    });
    expect(packet("service: ism, station_id: N0CALL")).toMatchObject({
      policy: { service: "ism", content: "any", attended: false },
      options: { stationId: "N0CALL" },
    });
    expect(packet("content: clear_signed_only")?.policy.content).toBe("clear-signed");
    expect(Object.keys(packet("service: ism")?.options ?? {})).toEqual([]);
  });

  it("finds the place of what a plugin refuses", () => {
    const error = parse(SHIP).errorAt(["links", "hf"], { key: optionKey("bitsPerSecond"), problem: "no" });
    expect(error.place).toMatchObject({ line: 17, column: 5, key: "links.hf.rate" });
  });
});

describe("secrets.yaml", () => {
  it("is a map of text", () => {
    expect(parseSecrets("anna: correct horse\nbob: '12'\n", "s.yaml")).toEqual(
      new Map([
        ["anna", "correct horse"],
        ["bob", "12"],
      ]),
    );
    expect(() => parseSecrets("anna: 12\n", "s.yaml")).toThrow("s.yaml:1:1");
    expect(() => parseSecrets("- a\n", "s.yaml")).toThrow("not a map");
  });
  it("hides values from JSON of what was parsed", () => {
    const error = errorsOf(
      `${HEAD}users: {anna: {password: !secret anna, addresses: [!secret anna]}}\n`,
    ).join();
    expect(error).not.toContain("correct horse");
  });
});

describe("keys as text", () => {
  it("round trip, and notice every single wrong character", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.nat(64),
        fc.nat(30),
        (root, at, shift) => {
          const text = formatKey(root);
          expect(parseKey(text)).toEqual(root);
          expect(parseKey(text.toUpperCase())).toEqual(root);
          const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
          const old = alphabet.indexOf(text.charAt(at));
          const changed = alphabet.charAt((old + 1 + shift) % 32);
          if (changed !== text.charAt(at))
            expect(parseKey(text.slice(0, at) + changed + text.slice(at + 1))).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
    expect(KEY).not.toBe(OTHER);
  });
});

describe("the schema", () => {
  it("describes every key for editors and for the reference", () => {
    const schema = configJsonSchema();
    expect(schema.properties?.node?.properties?.name?.description).toContain("Short name");
    expect(schema.required).toEqual(["version", "node"]);
    const reference = configReference();
    expect(reference).toContain("| `lifetime` | text | `7d` |");
    expect(reference).toContain("| `links.NAME.driver` | text | required |");
    expect(reference).toContain("| `mail.submission.tls` | none or map | required |");
    const undescribed = reference.split("\n").filter((row) => row.endsWith("|  |"));
    expect(undescribed).toEqual([]);
  });
});

const CASES = Number(process.env.FUZZ_CASES ?? 2_000);

describe("fuzz", () => {
  it("any text gives settings or ConfigErrors with places", () => {
    const tokens = fc.constantFrom(
      ...[
        "version: 1",
        "\n",
        "  ",
        "node:",
        " {name: a}",
        "- ",
        "!secret anna",
        "[",
        "]",
        "{",
        "}",
        ": ",
        "&a",
        "*a",
      ],
      ...[
        "users:",
        "links:",
        "peers:",
        "\t",
        "#",
        "'",
        '"',
        "|",
        ">",
        "? ",
        "---",
        "key",
        "7d",
        "1",
        "__proto__",
        "<<",
      ],
    );
    const mutated = fc
      .tuple(fc.nat(SHIP.length), fc.nat(20), fc.string({ maxLength: 8, unit: "binary" }))
      .map(([at, drop, text]) => SHIP.slice(0, at) + text + SHIP.slice(at + drop));
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.array(tokens, { maxLength: 40 }).map((parts) => parts.join("")),
      mutated,
      mutated,
    );
    let refused = 0;
    fc.assert(
      fc.property(text, (input) => {
        try {
          parse(input);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          refused++;
          for (const { place } of (error as ConfigErrors).errors) {
            expect(place.line).toBeGreaterThanOrEqual(1);
            expect(place.column).toBeGreaterThanOrEqual(1);
            expect(place.line).toBeLessThanOrEqual(input.split("\n").length);
          }
        }
      }),
      { numRuns: CASES },
    );
    expect(refused).toBeGreaterThan(CASES / 4);
  });
});
