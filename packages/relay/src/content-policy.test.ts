import type { Bearer, BearerCapabilities, BearerEvent } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { ClearSignedBearer } from "./content-policy.js";

const OPEN = { content: "any", parcelBytesMax: 255 } as BearerCapabilities;

function recording() {
  const calls: string[] = [];
  let capabilities = OPEN;
  const inner: Bearer = {
    get capabilities() {
      return capabilities;
    },
    async *run() {
      yield { type: "up", neighbour: "n" };
      capabilities = { ...OPEN, parcelBytesMax: 100 };
      yield { type: "capabilities", capabilities };
    },
    send: async ({ to }) => {
      calls.push(`send ${to}`);
      return { outcome: "sent" };
    },
    settle: async (id, verdict) => void calls.push(`settle ${id} ${verdict}`),
    contact: async ({ to }) => {
      calls.push(`contact ${to}`);
      return { outcome: "open", paid: 0 };
    },
    airtimeMs: (byteCount) => byteCount * 2,
  };
  return { inner, calls };
}

describe("a bearer under the law of its band", () => {
  const { signal } = new AbortController();

  it("carries nothing sealed, now and after each change", async () => {
    const bearer = new ClearSignedBearer(recording().inner);
    expect(bearer.capabilities).toEqual({ ...OPEN, content: "clear-signed" });
    const events: BearerEvent[] = [];
    for await (const event of bearer.run(signal)) events.push(event);
    const changed = { ...OPEN, parcelBytesMax: 100, content: "clear-signed" };
    expect(events).toEqual([
      { type: "up", neighbour: "n" },
      { type: "capabilities", capabilities: changed },
    ]);
    expect(bearer.capabilities).toEqual(changed);
  });

  it("is otherwise the bearer it is", async () => {
    const { inner, calls } = recording();
    const bearer = new ClearSignedBearer(inner);
    expect(await bearer.send({ to: "n", bytes: new Uint8Array(1) }, signal)).toEqual({ outcome: "sent" });
    await bearer.settle("p", "later");
    await bearer.contact({ to: "n", purpose: "send", maxMs: 1 }, signal);
    expect(calls).toEqual(["send n", "settle p later", "contact n"]);
    expect(bearer.airtimeMs(21)).toBe(42);
  });
});
