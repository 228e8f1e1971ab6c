import { createIdentity, formatAddress } from "@estafette/protocol";
import { describe, expect, it } from "vitest";
import type { RelaySettings } from "./api.js";
import { Directory } from "./directory.js";

const node = (seed: number) => createIdentity(new Uint8Array(32).fill(seed));
const [self, shore, relay] = [node(1), node(2), node(3)] as const;
const peer = (name: string, root: Uint8Array, domains: string[], more = {}) => ({
  name,
  root,
  domains,
  links: ["radio"],
  exitFrom: [] as string[],
  transit: true,
  ...more,
});

const settings: RelaySettings = {
  name: "aurora",
  domains: ["aurora.example"],
  accounts: [
    { name: "anna", addresses: ["anna@aurora.example"] },
    { name: "master", addresses: ["*@aurora.example"] },
  ],
  peers: [
    peer("shore", shore.keys.root, ["example.org"], { exitFrom: ["anna@aurora.example", "@crew.example"] }),
    peer("polar", relay.keys.root, ["polar.example.org"]),
  ],
  exit: "shore",
  routes: [{ match: ".example.org", via: ["polar"] }],
  lifetimeS: 86_400,
  hopMax: 16,
  messageBytesMax: 1_000_000,
  receipts: true,
  retryS: [10],
};
const directory = new Directory(self.address, settings);

describe("Directory", () => {
  it("finds mailboxes here, exact addresses before the wildcard", () => {
    expect(directory.accountOf("Anna@aurora.example")?.name).toBe("anna");
    expect(directory.accountOf("cook@aurora.example")?.name).toBe("master");
    expect(directory.accountOf("anna@elsewhere.example")).toBeNull();
  });
  it("gives a domain to the peer with the longest matching suffix", () => {
    expect(directory.serves("x@example.org")).toMatchObject({ by: "peer", peer: { name: "shore" } });
    expect(directory.serves("x@ops.example.org")).toMatchObject({ by: "peer", peer: { name: "shore" } });
    expect(directory.serves("x@polar.example.org")).toMatchObject({ by: "peer", peer: { name: "polar" } });
    expect(directory.serves("x@notexample.org")).toMatchObject({ by: "exit", peer: { name: "shore" } });
  });
  it("says nobody without an exit gateway", () => {
    expect(new Directory(self.address, { ...settings, exit: null }).serves("x@elsewhere.net")).toMatchObject({
      by: "nobody",
      why: "no-route",
    });
  });
  it("turns routes into relay lists without the destination itself", () => {
    const [first, second] = directory.peers;
    expect(directory.relayListFor(first!)).toEqual([relay.address]);
    expect(directory.relayListFor(second!)).toEqual([]);
  });
  it("lets an origin leave through the exit only with its own addresses", () => {
    expect(directory.exitAllows(shore.address, "anna@aurora.example")).toBe(true);
    expect(directory.exitAllows(shore.address, "ANNA@aurora.example")).toBe(true);
    expect(directory.exitAllows(shore.address, "bob@crew.example")).toBe(true);
    expect(directory.exitAllows(shore.address, "bob@aurora.example")).toBe(false);
    expect(directory.exitAllows(relay.address, "anna@aurora.example")).toBe(false);
    expect(directory.exitAllows(self.address, "anna@aurora.example")).toBe(false);
  });
  it("names nodes by their configured names, else by address", () => {
    expect(directory.nameOf(shore.address)).toBe("shore");
    expect(directory.nameOf(self.address)).toBe("aurora");
    const stranger = node(9).address;
    expect(directory.nameOf(stranger)).toBe(formatAddress(stranger));
  });
  it("refuses a peer with a weak root key", () => {
    const weak = new Uint8Array(32);
    weak[0] = 1;
    expect(() => directory.setPeers([peer("evil", weak, [])])).toThrowError(
      expect.objectContaining({ code: "EST_PROTOCOL_KEY" }),
    );
  });
});
