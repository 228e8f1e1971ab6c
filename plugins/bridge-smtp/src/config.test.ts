import { ConfigError } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import plugin from "./index.js";

const domains = ["Ship.Example"];

describe("options", () => {
  it("take their defaults from where they listen and where they send", () => {
    const config = plugin.parse({
      domains,
      submission: { listen: "[::1]:0" },
      lmtp: { listen: "0.0.0.0:2424" },
      mailbox: { maildir: "/var/mail" },
      internet: { smtp: "mail.example.org:587", auth: { user: "u", password: "p" } },
    });
    expect(config).toMatchObject({
      domains: ["ship.example"],
      sizeBytesMax: 10_000_000,
      connectionsMax: 20,
      submission: {
        listen: { host: "::1", port: 0 },
        tls: "none",
        requireAuth: true,
        allowInsecureAuth: true,
      },
      lmtp: { host: "0.0.0.0", port: 2424 },
      smtp: null,
      mailbox: { by: "maildir", folder: "/var/mail/{domain}/{user}" },
      internet: { server: { host: "mail.example.org", port: 587 }, tls: "starttls" },
    });
    expect(plugin.parse({ domain: "a.example", internet: { smtp: "127.0.0.1:25" } }).internet?.tls).toBe(
      "none",
    );
    const wide = plugin.parse({
      domains,
      submission: { listen: "0.0.0.0:587", tls: { key: "k", cert: "c" } },
    });
    expect(wide.submission).toMatchObject({ allowInsecureAuth: false, perAddressMax: 4 });
  });

  it.each<[string, unknown]>([
    ["smtp", null],
    ["smtp", []],
    ["domains", {}],
    ["domains", { domains: [] }],
    ["domains", { domains: ["a b"] }],
    ["domains", { domains: ["a."] }],
    ["domains", { domains: [7] }],
    ["port", { domains, port: 25 }],
    ["sizeBytesMax", { domains, sizeBytesMax: "10 MB" }],
    ["sizeBytesMax", { domains, sizeBytesMax: 1e9 }],
    ["connectionsMax", { domains, connectionsMax: 0 }],
    ["submission", { domains, submission: "127.0.0.1:25" }],
    ["submission.listen", { domains, submission: {} }],
    ["submission.listen", { domains, submission: { listen: "127.0.0.1" } }],
    ["submission.listen", { domains, submission: { listen: "a:70000" } }],
    ["submission.tls", { domains, submission: { listen: "0.0.0.0:25" } }],
    ["submission.tls.cert", { domains, submission: { listen: "127.0.0.1:25", tls: { key: "k" } } }],
    ["submission.requireAuth", { domains, submission: { listen: "0.0.0.0:25", requireAuth: false } }],
    ["submission.requireAuth", { domains, submission: { listen: "127.0.0.1:25", requireAuth: "no" } }],
    ["submission.user", { domains, submission: { listen: "127.0.0.1:25", user: "x" } }],
    ["lmtp.listen", { domains, lmtp: {} }],
    ["mailbox", { domains, mailbox: {} }],
    ["mailbox", { domains, mailbox: { lmtp: "a:1", maildir: "/b" } }],
    ["mailbox.maildir", { domains, mailbox: { maildir: "mail" } }],
    ["internet.smtp", { domains, internet: { smtp: "mail.example.org" } }],
    ["internet.smtp", { domains, internet: { smtp: "mail.example.org:0" } }],
    ["internet.tls", { domains, internet: { smtp: "a:25", tls: "maybe" } }],
    [
      "internet.tls",
      { domains, internet: { smtp: "a:25", tls: "none", auth: { user: "u", password: "p" } } },
    ],
    ["internet.auth.password", { domains, internet: { smtp: "a:25", auth: { user: "u" } } }],
  ])("that are wrong name their key and the fix: %s", (key, raw) => {
    try {
      plugin.parse(raw);
      expect.unreachable("it was accepted");
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(error).toMatchObject({ place: { key } });
      expect((error as ConfigError).message).toMatch(/^\S.*\. .*\S$/);
    }
  });
});
