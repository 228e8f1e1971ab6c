import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { samples } from "@estafette/conformance";
import { afterEach, describe, expect, it } from "vitest";
import { Shelf } from "./shelf.js";

const shelf = new Shelf();
afterEach(() => shelf.clear());

const { arrival, content, delivery, envelope, message, sixteen } = samples;
const FAULT = { code: "EST_OPERATING_DISK_FAULT" };

/** A closed store with one large body each of a message, an envelope and a delivery, and one small message. */
async function filled(): Promise<string> {
  const directory = shelf.directory();
  const store = await shelf.store(directory);
  await store.acceptMessages([message(1, { body: content(70_001) }), message(2)]);
  await store.acceptEnvelope(envelope(5, { payload: content(70_002) }));
  await store.acceptArrival(arrival(6, [delivery(1, { body: content(70_003) })]));
  await store.close();
  return directory;
}

function bodyFile(directory: string, byteCount: number): string {
  const folder = join(directory, "bodies");
  const name = readdirSync(folder).find((one) => readFileSync(join(folder, one)).length === byteCount);
  return join(folder, name ?? "no such body");
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe("bytes that changed on the disk", () => {
  it("set their item aside and nothing else", async () => {
    const directory = await filled();
    for (const byteCount of [70_001, 70_002, 70_003]) flip(bodyFile(directory, byteCount), 35_000);
    const store = await shelf.store(directory);
    const [due] = (await store.dueDeliveries(9)).due;
    await expect(store.messageBody(message(1).key)).rejects.toMatchObject(FAULT);
    await expect(store.envelopePayload(sixteen(5))).rejects.toMatchObject(FAULT);
    await expect(store.deliveryBody(due?.deliveryId ?? -1)).rejects.toMatchObject(FAULT);
    const ready = await store.ready({ link: "radio", neighbour: sixteen(9), limit: 9 });
    expect(ready.map((leg) => leg.what)).toEqual([{ kind: "message", key: message(2).key }]);
    expect((await store.dueDeliveries(9)).due).toEqual([]);
    expect((await store.message(message(1).key))?.detail).toBe("its stored content is damaged");
    expect(await store.messageBody(message(2).key)).toEqual(message(2).body);
    await store.acceptMessages([message(3)]);
    // Nothing ends silently: at its deadline each is told to have expired.
    shelf.clock.advance(24 * samples.HOUR_MS);
    const expired = await store.expire(99);
    expect(expired.messages.map((one) => one.key.sequence).sort()).toEqual([1, 2, 3]);
    expect([expired.envelopes.length, expired.deliveries.length]).toEqual([1, 1]);
  });

  it("a body file that is missing is damage too", async () => {
    const directory = await filled();
    rmSync(bodyFile(directory, 70_001));
    const store = await shelf.store(directory);
    await expect(store.messageBody(message(1).key)).rejects.toMatchObject(FAULT);
    expect(await store.envelopePayload(sixteen(5))).not.toBeNull();
  });

  it("a changed row is noticed like a changed file", async () => {
    const directory = await filled();
    const path = join(directory, "spool.db");
    flip(path, readFileSync(path).indexOf(message(2).body));
    const store = await shelf.store(directory);
    await expect(store.messageBody(message(2).key)).rejects.toMatchObject(FAULT);
  });

  it("files no row speaks of are swept at the next start", async () => {
    const directory = await filled();
    for (const name of ["999", "12.tmp", "what"]) writeFileSync(join(directory, "bodies", name), "left over");
    await shelf.store(directory);
    expect(readdirSync(join(directory, "bodies"))).toHaveLength(3);
  });

  it("a database that is none stops the start", async () => {
    const directory = await filled();
    writeFileSync(join(directory, "spool.db"), content(8_192));
    await expect(shelf.store(directory)).rejects.toMatchObject(FAULT);
  });

  it("a damaged page stops the store, and the next start says so", async () => {
    const directory = shelf.directory();
    const first = await shelf.store(directory);
    await first.acceptMessages(Array.from({ length: 400 }, (_, index) => message(index)));
    await first.close();
    const path = join(directory, "spool.db");
    const bytes = readFileSync(path);
    // Pages of rows; the first ones hold the schema, and without it there would be no start.
    const from = 4_096 * Math.floor(bytes.length / 4_096 / 2);
    bytes.fill(0xee, from);
    writeFileSync(path, bytes);
    const store = await shelf.store(directory);
    await expect(store.listMessages({ limit: 1_000 })).rejects.toMatchObject(FAULT);
    await expect(store.stats()).rejects.toMatchObject(FAULT);
    await expect(store.acceptMessages([message(1_000)])).rejects.toMatchObject(FAULT);
    await store.close();
    expect(existsSync(join(directory, "fault"))).toBe(true);
    await expect(shelf.store(directory)).rejects.toThrow(/the database is damaged/);
  });
});

/** Places of the database header, SQLite file format §1.3. */
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;

/** Writes one number into the header; returns what was there. */
function patchHeader(directory: string, at: number, value: number): number {
  const path = join(directory, "spool.db");
  const bytes = readFileSync(path);
  const before = bytes.readUInt32BE(at);
  bytes.writeUInt32BE(value, at);
  writeFileSync(path, bytes);
  return before;
}

describe("databases that are not ours to write", () => {
  it("one of another program is refused", async () => {
    const directory = await filled();
    patchHeader(directory, APPLICATION_ID_AT, 0x47504b47);
    await expect(shelf.store(directory)).rejects.toMatchObject({ code: "EST_CONFIG_VALUE" });
  });

  it("one of a newer release is refused and left as it was", async () => {
    const directory = await filled();
    const version = patchHeader(directory, USER_VERSION_AT, 99);
    await expect(shelf.store(directory)).rejects.toThrow(/schema 99/);
    expect(patchHeader(directory, USER_VERSION_AT, version)).toBe(99);
    await expect(shelf.store(directory)).resolves.toBeDefined();
  });
});
