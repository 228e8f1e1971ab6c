import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRng, VirtualClock } from "@estafette/conformance";
import type { Bearer, BearerEvent, BearerHost, ConfigError } from "@estafette/contract";
import { sleep } from "@estafette/contract";
import { systemClock } from "@estafette/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import filePlugin, { FILE_LIMITS } from "./index.js";
import { encodeParcelFile } from "./parcel-file.js";

const clock = new VirtualClock();
let parent = "";
let folder = "";
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "est-file-"));
  folder = join(parent, "stick");
  mkdirSync(folder);
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const name = (number: number): string => `${String(number).padStart(13, "0")}-0000beef.parcel`;
const inbox = (): string => join(folder, "ship", "shore");
const outbox = (): string => join(folder, "shore", "ship");
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const parcel = (words: string): Uint8Array => new TextEncoder().encode(words);

function make(more: object = {}): Bearer {
  const refuse = () => Promise.reject(new Error("a file bearer opens no line"));
  const host: BearerHost = { clock, rng: seededRng(3), log() {}, open: refuse, listen: refuse };
  return filePlugin.create(
    filePlugin.parse({ folder, name: "ship", with: "shore", pollMs: 100, ...more }),
    host,
  );
}

/** Runs a bearer and keeps what it says. */
function run(bearer: Bearer) {
  const events: BearerEvent[] = [];
  const stop = new AbortController();
  const over = (async () => {
    for await (const event of bearer.run(stop.signal)) events.push(event);
  })();
  const heard = () => events.flatMap((event) => (event.type === "heard" ? [event] : []));
  return {
    ...{ events, heard },
    async stop() {
      stop.abort();
      await over;
    },
  };
}

async function until(ready: () => boolean): Promise<void> {
  for (let step = 0; step < 500 && !ready(); step++) {
    await clock.advance(100);
    await sleep(systemClock(), 2);
  }
  expect(ready()).toBe(true);
}

/** A few looks into the folder, in which nothing should happen. */
async function looks(): Promise<void> {
  for (let step = 0; step < 10; step++) {
    await clock.advance(100);
    await sleep(systemClock(), 5);
  }
}

const { signal } = new AbortController();
const open = (bearer: Bearer) => bearer.contact({ to: "shore", purpose: "send", maxMs: 60_000 }, signal);
const send = (bearer: Bearer, bytes: Uint8Array) => bearer.send({ to: "shore", bytes }, signal);

describe("a folder of parcels", () => {
  it("hears files in the order of their names, and none that is not one of ours", async () => {
    mkdirSync(inbox(), { recursive: true });
    for (const number of [30, 10, 20])
      writeFileSync(join(inbox(), name(number)), encodeParcelFile(parcel(`${number}`)));
    const whole = encodeParcelFile(parcel("stray"));
    for (const stray of [`.${name(5)}.part`, `${name(6)}.sync-conflict`, `._${name(7)}`, "README.txt"])
      writeFileSync(join(inbox(), stray), whole);
    const running = run(make());
    await until(() => running.heard().length === 3);
    await looks();
    expect(running.heard().map(({ bytes }) => text(bytes))).toEqual(["10", "20", "30"]);
    await running.stop();
  });

  it("waits for the rest of a file that is written in place", async () => {
    mkdirSync(inbox(), { recursive: true });
    const file = encodeParcelFile(parcel("all of it"));
    writeFileSync(join(inbox(), name(1)), file.subarray(0, 12));
    const running = run(make());
    await looks();
    expect(running.heard()).toEqual([]);
    writeFileSync(join(inbox(), name(1)), file);
    await until(() => running.heard().length === 1);
    await running.stop();
  });

  it("removes a file that never became whole, a day later", async () => {
    mkdirSync(inbox(), { recursive: true });
    writeFileSync(join(inbox(), name(1)), "EPF1 and no more");
    const running = run(make());
    await looks();
    expect(readdirSync(inbox())).toEqual([name(1)]);
    await clock.advance(FILE_LIMITS.unfinishedMs);
    await until(() => readdirSync(inbox()).length === 0);
    await running.stop();
  });

  it("removes what is settled, keeps what is to come later, and is not fooled by a sync that brings one back", async () => {
    mkdirSync(inbox(), { recursive: true });
    for (const number of [1, 2])
      writeFileSync(join(inbox(), name(number)), encodeParcelFile(parcel(`${number}`)));
    const bearer = make();
    const running = run(bearer);
    await until(() => running.heard().length === 2);
    const [first, second] = running.heard();
    await bearer.settle(first?.parcelId ?? "", "accepted");
    await bearer.settle(second?.parcelId ?? "", "later");
    expect(readdirSync(inbox())).toEqual([name(2)]);
    writeFileSync(join(inbox(), name(1)), encodeParcelFile(parcel("1")));
    await until(() => readdirSync(inbox()).length === 1);
    expect(running.heard()).toHaveLength(2);
    await clock.advance(FILE_LIMITS.laterMs);
    await until(() => running.heard().length === 3);
    expect(running.heard()[2]?.parcelId).toBe(second?.parcelId);
    await running.stop();
  });

  it("writes whole files with rising names, and defers when too many wait", async () => {
    const bearer = make({ waitingParcelsMax: 3 });
    const running = run(bearer);
    await until(() => running.events.length === 1);
    await open(bearer);
    for (const words of ["one", "two", "three"])
      expect(await send(bearer, parcel(words))).toEqual({ outcome: "acknowledged" });
    expect(await send(bearer, parcel("four"))).toMatchObject({ outcome: "deferred", why: "busy" });
    const files = readdirSync(outbox());
    expect(files.filter((file) => !file.endsWith(".parcel"))).toEqual([]);
    const contents = files.sort().map((file) => text(readFileSync(join(outbox(), file)).subarray(8)));
    expect(contents).toEqual(["one", "two", "three"]);
    rmSync(join(outbox(), files[0] ?? ""));
    await looks();
    expect(await send(bearer, parcel("four"))).toEqual({ outcome: "acknowledged" });
    await running.stop();
  });

  it("is down while the stick is away, makes nothing in its place, and up when it is back", async () => {
    const bearer = make();
    const running = run(bearer);
    await until(() => running.events.length === 1);
    await open(bearer);
    renameSync(folder, join(parent, "pocket"));
    expect(await send(bearer, parcel("now"))).toMatchObject({ outcome: "deferred", why: "no-contact" });
    await until(() => running.events.at(-1)?.type === "down");
    expect(await open(bearer)).toMatchObject({ outcome: "deferred", why: "no-contact" });
    expect(readdirSync(parent)).toEqual(["pocket"]);
    renameSync(join(parent, "pocket"), folder);
    await until(() => running.events.at(-1)?.type === "up");
    await running.stop();
  });
});

describe("the configuration", () => {
  it.each([
    [{}, "name"],
    [{ name: "ship" }, "with"],
    [{ name: "ship", with: ["shore"], folder: "stick" }, "folder"],
    [{ name: "Ship!", with: ["shore"] }, "name"],
    [{ name: "ship", with: ["ship"] }, "with"],
    [{ name: "ship", with: [] }, "with"],
    [{ name: "ship", with: ["../x"] }, "with"],
    [{ name: "ship", with: ["shore"], pollMs: 1 }, "pollMs"],
    [{ name: "ship", with: ["shore"], parcelBytesMax: 40 }, "parcelBytesMax"],
    [{ name: "ship", with: ["shore"], color: "red" }, "color"],
  ])("%j is refused at %s", (raw, key) => {
    try {
      filePlugin.parse({ folder: "/media/stick", ...raw });
      expect.fail("accepted");
    } catch (error) {
      expect((error as ConfigError).place?.key).toBe(key);
    }
  });
});
