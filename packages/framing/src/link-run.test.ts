import type { BearerEvent, ByteLink } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { LinkRun } from "./link-run.js";

const UP: BearerEvent = { type: "up", neighbour: "" };
const link = {} as ByteLink;

async function* life(): AsyncGenerator<BearerEvent, void, undefined> {
  yield UP;
}

async function eventsOf(events: AsyncGenerator<BearerEvent, void, undefined>): Promise<BearerEvent[]> {
  const seen: BearerEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

describe("the run of a bearer on one link", () => {
  it("opens its link, again and again, and never twice at once", async () => {
    const urls: string[] = [];
    const open = async (url: string): Promise<ByteLink> => {
      urls.push(url);
      return link;
    };
    const run = new LinkRun("radio", { open });
    const { signal } = new AbortController();
    expect(await eventsOf(run.of("tcp:a:1", signal, life))).toEqual([UP]);
    const first = run.of("tcp:a:2", signal, life);
    await first.next();
    await expect(eventsOf(run.of("tcp:a:3", signal, life))).rejects.toMatchObject({ code: "EST_INVARIANT" });
    await first.return();
    expect(await eventsOf(run.of("tcp:a:4", signal, life))).toEqual([UP]);
    expect(urls).toEqual(["tcp:a:1", "tcp:a:2", "tcp:a:4"]);
  });

  it("is over without a word when it is ended before or while it opens, and else says why it could not open", async () => {
    const stop = new AbortController();
    const refused = new Error("refused");
    const run = new LinkRun("radio", { open: () => Promise.reject(refused) });
    await expect(eventsOf(run.of("tcp:a:1", stop.signal, life))).rejects.toBe(refused);
    const opening = eventsOf(run.of("tcp:a:1", stop.signal, life));
    stop.abort();
    expect(await opening).toEqual([]);
    expect(await eventsOf(run.of("tcp:a:1", stop.signal, life))).toEqual([]);
  });
});
