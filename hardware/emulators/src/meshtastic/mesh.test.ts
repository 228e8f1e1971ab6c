import type { Clock } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import {
  AIR_HEADER_BYTES,
  channelHash,
  cryptChannel,
  DEFAULT_KEY,
  decodeAirHeader,
  encodeAirHeader,
  nodeKeys,
  openFromNode,
  sealToNode,
} from "./crypto.js";
import { Fields, FieldWriter } from "./fields.js";
import { createMeshtasticMesh, type MeshtasticMesh } from "./mesh.js";
import { encodeData } from "./messages.js";
import type { MeshtasticOptions } from "./options.js";
import { type PresetName, timeOnAirMs } from "./presets.js";
import { FirmwareReader, frame } from "./stream.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const BROADCAST = 0xffffffff;

describe("bytes on the air", () => {
  it("are those of the reference vector", () => {
    const payload = new TextEncoder().encode("hello");
    const data = encodeData({ port: 256, payload, requestId: 0 });
    expect(hex(data)).toBe("088002120568656c6c6f4800");
    const header = {
      ...{ to: BROADCAST, from: 0x11223344, id: 0x12345678, hopLimit: 3, hopStart: 3, wantAck: false },
      channelHash: channelHash({ name: "LongFast", key: DEFAULT_KEY }),
      relayNode: 0x44,
    };
    expect(hex(cryptChannel(DEFAULT_KEY, header, data))).toBe("ab05ffd4d2b8f4bc98e14a9e");
    expect(hex(encodeAirHeader(header))).toBe("ffffffff443322117856341263080044");
    expect(decodeAirHeader(encodeAirHeader(header))).toEqual(header);
  });

  it("hash to the published bytes of the default channels", () => {
    const hashOf = (name: string) => channelHash({ name, key: DEFAULT_KEY });
    expect(["LongFast", "ShortFast", "MediumFast", "LongModerate"].map(hashOf)).toEqual([8, 0x70, 0x1f, 9]);
  });

  it("sealed to one node open there, and nowhere else", () => {
    const [a, b, c] = [1, 2, 3].map((seed) => nodeKeys(new Uint8Array(32).fill(seed)));
    const header = { ...decodeAirHeader(new Uint8Array(AIR_HEADER_BYTES)), from: 7, to: 8, id: 9 };
    const sealed = sealToNode(a!, b!, header, { bytes: Uint8Array.of(1, 2, 3), extraNonce: 5 });
    expect(sealed.length).toBe(3 + 12);
    expect(openFromNode(b!, a!, header, sealed)).toEqual(Uint8Array.of(1, 2, 3));
    expect(openFromNode(c!, a!, header, sealed)).toBeNull();
    expect(openFromNode(b!, a!, { ...header, id: 10 }, sealed)).toBeNull();
  });

  it("take as long as the published table says", () => {
    const table: [PresetName, number[]][] = [
      ["ShortTurbo", [21, 35, 53, 102]],
      ["ShortFast", [43, 71, 107, 204]],
      ["MediumSlow", [259, 423, 628, 1_181]],
      ["LongFast", [518, 805, 1_174, 2_157]],
      ["LongModerate", [1_511, 2_691, 4_133, 7_934]],
    ];
    for (const [preset, times] of table) {
      expect([10, 50, 100, 231].map((size) => Math.round(timeOnAirMs(preset, size + 24)))).toEqual(times);
    }
  });
});

describe("the firmware's reader", () => {
  const message = Uint8Array.of(0x3a, 0);

  it("takes frames in any pieces, with text before them", () => {
    const reader = new FirmwareReader();
    const stream = Uint8Array.of(
      ...Buffer.from("DEBUG\r\n"),
      ...new Uint8Array(32).fill(0xc3),
      ...frame(message),
    );
    expect([...stream].flatMap((byte) => reader.push(Uint8Array.of(byte)))).toEqual([message]);
  });

  it("loses the frame after 94 94, and waits again after more than 512", () => {
    const reader = new FirmwareReader();
    expect(reader.push(Uint8Array.of(0x94, ...frame(message)))).toEqual([]);
    expect(reader.push(Uint8Array.of(0x94, 0xc3, 2, 1, ...frame(message)))).toEqual([message]);
    expect(reader.push(Uint8Array.of(0x94, 0xc3, 0, 0))).toEqual([new Uint8Array(0)]);
  });
});

/** Time that passes when told to. */
class Steps implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly go: () => void }[] = [];
  monotonicMs = () => this.#nowMs;
  bootId = () => "steps";
  unixMs = () => 0;
  trust = () => "untrusted" as const;
  timer(delayMs: number, go: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, go };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  async pass(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      for (let turn = 0; turn < 400; turn++) await Promise.resolve();
      const [next] = this.#timers.filter((one) => one.atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = next.atMs;
      next.go();
    }
    this.#nowMs = endMs;
  }
}

/** A host that reads what a radio says, by this package's own decoder. */
class Host {
  readonly said: Fields[] = [];
  #link;
  constructor(
    readonly mesh: MeshtasticMesh,
    readonly node: number,
    cable: "serial" | "tcp" = "serial",
  ) {
    this.#link = mesh.open(node, cable);
    const reader = new FirmwareReader();
    const read = async (): Promise<void> => {
      for await (const bytes of this.#link.readable)
        for (const message of reader.push(bytes)) this.said.push(Fields.of(message)!);
    };
    read().then(
      () => {
        this.ended = true;
      },
      () => {
        this.ended = true;
      },
    );
  }
  ended = false;
  write(message: FieldWriter): void {
    void this.#link.write(frame(message.finish())).catch(() => {});
  }
  greet(nonce = 42): void {
    this.write(new FieldWriter().varint(3, nonce));
  }
  send(packet: {
    to: number;
    id: number;
    byteCount: number;
    hops?: number;
    channel?: number;
    wantAck?: boolean;
    port?: number;
  }): void {
    const data = new FieldWriter()
      .varint(1, packet.port ?? 256)
      .bytes(2, new Uint8Array(packet.byteCount).fill(7));
    const inner = new FieldWriter().fixed32(2, packet.to).varint(3, packet.channel ?? 1);
    inner.bytes(4, data.finish()).fixed32(6, packet.id);
    inner.varintUnlessZero(9, packet.hops ?? 3);
    if (packet.wantAck) inner.varint(10, 1);
    this.write(new FieldWriter().bytes(1, inner.finish()));
  }
  kinds(): number[] {
    return this.said.map((one) => Array.from({ length: 20 }, (_, n) => n).find((n) => one.has(n)) ?? 0);
  }
  statuses(): (readonly [number, number])[] {
    return this.#inner(11).map((one) => [one.number(1), one.number(2)] as const);
  }
  packets(): { from: number; port: number; error: number; requestId: number }[] {
    return this.#inner(2).map((one) => {
      const data = Fields.of(one.bytes(4)!)!;
      const error = Fields.of(data.bytes(2)!)?.number(3) ?? 0;
      return { from: one.number(1), port: data.number(1), error, requestId: data.number(6) };
    });
  }
  #inner(number: number): Fields[] {
    return this.said.flatMap((one) => (one.bytes(number) ? [Fields.of(one.bytes(number)!)!] : []));
  }
}

async function desk(options: Partial<MeshtasticOptions> = {}) {
  const clock = new Steps();
  const mesh = createMeshtasticMesh({ ...options, clock });
  const hosts = mesh.nums.map((_, index) => new Host(mesh, index));
  for (const host of hosts) host.greet();
  await clock.pass(10);
  for (const host of hosts) host.said.length = 0;
  return { clock, mesh, a: hosts[0]!, b: hosts[1]!, hosts, nums: mesh.nums };
}

describe("a host's handshake", () => {
  it("comes in the firmware's order, and in parts for the special nonces", async () => {
    const clock = new Steps();
    const mesh = createMeshtasticMesh({ clock, strangerCount: 100 });
    const host = new Host(mesh, 0);
    host.greet();
    await clock.pass(1);
    const order = host.kinds().filter((kind, at, all) => kind !== all[at - 1]);
    expect(order).toEqual([3, 17, 4, 13, 19, 10, 5, 9, 4, 15, 7]);
    expect(host.kinds().filter((kind) => kind === 4)).toHaveLength(102);
    expect(host.said.at(-1)?.number(7)).toBe(42);
    host.said.length = 0;
    host.greet(69_420);
    host.greet(69_421);
    await clock.pass(1);
    const parts = host.kinds().filter((kind, at, all) => kind !== all[at - 1]);
    expect(parts).toEqual([3, 17, 4, 13, 19, 10, 5, 9, 7, 4, 7]);
  });

  it("answers a heartbeat with its queue", async () => {
    const { clock, a } = await desk();
    a.write(new FieldWriter().bytes(7, new Uint8Array(0)));
    a.write(new FieldWriter().bytes(7, Uint8Array.of(8, 1)));
    await clock.pass(1);
    expect(a.statuses()).toEqual([[0, 16]]);
  });
});

describe("a packet", () => {
  it("passes up to 231 bytes on the channel and 219 sealed; one more is TOO_LARGE", async () => {
    const { clock, a, b, nums } = await desk({ preset: "ShortFast", strangerCount: 0 });
    a.send({ to: BROADCAST, id: 1, byteCount: 231 });
    a.send({ to: BROADCAST, id: 2, byteCount: 232 });
    a.send({ to: nums[1]!, id: 3, byteCount: 219 });
    a.send({ to: nums[1]!, id: 4, byteCount: 220 });
    await clock.pass(20_000);
    expect(b.packets().map(({ port }) => port)).toEqual([256, 256]);
    expect(a.statuses().map(([res]) => res)).toEqual([0, 7, 0, 7]);
    expect(a.packets().map(({ error, requestId }) => [error, requestId])).toEqual([
      [7, 2],
      [7, 4],
    ]);
  });

  it("with an id the radio had lately is dropped without a word", async () => {
    const { clock, a, b } = await desk();
    a.send({ to: BROADCAST, id: 5, byteCount: 10 });
    a.send({ to: BROADCAST, id: 5, byteCount: 10 });
    await clock.pass(20_000);
    expect(a.statuses()).toHaveLength(1);
    expect(b.packets()).toHaveLength(1);
  });

  it("finds the queue full after sixteen", async () => {
    const { clock, a } = await desk({ defects: { stuckTransmitter: true } });
    for (let id = 1; id <= 18; id++) a.send({ to: BROADCAST, id, byteCount: 10 });
    await clock.pass(1_000);
    expect(a.statuses().map(([, free]) => free)).toEqual([
      ...Array.from({ length: 16 }, (_, i) => 15 - i),
      0,
      0,
    ]);
    expect(a.statuses().map(([res]) => res)).toEqual([...Array(16).fill(0), 32, 32]);
  });

  it("is acknowledged by its destination, or only by who repeats it, or by nobody", async () => {
    const { clock, a, nums } = await desk({ nodeCount: 3, deaf: [[0, 2]], preset: "ShortFast" });
    a.send({ to: nums[1]!, id: 1, byteCount: 10, wantAck: true });
    await clock.pass(30_000);
    expect(a.packets()).toMatchObject([{ from: nums[1], error: 0, requestId: 1 }]);
    a.said.length = 0;
    a.send({ to: nums[2]!, id: 2, byteCount: 10, wantAck: true });
    await clock.pass(30_000);
    expect(a.packets()[0]).toMatchObject({ from: nums[0], error: 0, requestId: 2 });
    a.said.length = 0;
    a.send({ to: 0x12345678, id: 3, byteCount: 10, wantAck: true });
    await clock.pass(60_000);
    expect(a.packets()).toMatchObject([{ from: nums[0], error: 0, requestId: 3 }]);
  });

  it("that nobody hears is sent three times and then MAX_RETRANSMIT, after 25 to 40 s on LongFast", async () => {
    const { clock, mesh, a, nums } = await desk();
    mesh.setCut(true);
    a.send({ to: nums[1]!, id: 1, byteCount: 200, wantAck: true });
    await clock.pass(25_000);
    expect(a.packets()).toEqual([]);
    await clock.pass(15_000);
    expect(a.packets()).toMatchObject([{ from: nums[0], error: 5, requestId: 1 }]);
    expect(mesh.ledger(0).frames).toBe(3);
  });

  it("hops as far as its limit lets it", async () => {
    const deaf = [
      [0, 2],
      [0, 3],
      [1, 3],
    ] as const;
    const far = await desk({ nodeCount: 4, deaf, preset: "ShortFast" });
    far.a.send({ to: BROADCAST, id: 1, byteCount: 10, hops: 2 });
    await far.clock.pass(20_000);
    expect(far.hosts.map((host) => host.packets().length)).toEqual([0, 1, 1, 1]);
    const near = await desk({ nodeCount: 4, deaf, preset: "ShortFast" });
    near.a.send({ to: BROADCAST, id: 1, byteCount: 10, hops: 1 });
    await near.clock.pass(20_000);
    expect(near.hosts.map((host) => host.packets().length)).toEqual([0, 1, 1, 0]);
    near.a.send({ to: BROADCAST, id: 2, byteCount: 10, hops: 0 });
    near.a.send({ to: near.nums[1]!, id: 3, byteCount: 10, hops: 0, wantAck: true });
    await near.clock.pass(20_000);
    expect(near.hosts.map((host) => host.packets().length)).toEqual([1, 3, 1, 0]);
  });

  it("beyond the hour's airtime is refused, and the host is told", async () => {
    const { clock, mesh, a } = await desk({ preset: "LongModerate" });
    let id = 0;
    const limitMs = 360_000;
    for (let sent = 0; sent < 60; sent++) {
      a.send({ to: BROADCAST, id: ++id, byteCount: 231 });
      await clock.pass(30_000);
    }
    expect(a.statuses().filter(([res]) => res === 9).length).toBeGreaterThan(5);
    expect(a.kinds()).toContain(16);
    expect(mesh.ledger(0).airtimeMs).toBeGreaterThan(limitMs - 8_000);
    expect(mesh.ledger(0).airtimeMs).toBeLessThan(limitMs + 8_000);
  });

  it("collides with another that begins at the same moment", async () => {
    const { clock, a, b } = await desk({ preset: "LongFast", seed: 3 });
    let both = 0;
    for (let round = 1; round <= 40; round++) {
      a.send({ to: BROADCAST, id: round, byteCount: 100 });
      b.send({ to: BROADCAST, id: round, byteCount: 100 });
      await clock.pass(20_000);
      both = Math.min(a.packets().length, b.packets().length);
    }
    expect(both).toBeGreaterThan(25);
    expect(both).toBeLessThan(40);
  });
});

describe("trouble", () => {
  it("a restart loses the queue, ends TCP, and says so on a serial port", async () => {
    const { clock, mesh, a, b } = await desk({ bootMs: 3_000 });
    for (let id = 1; id <= 5; id++) a.send({ to: BROADCAST, id, byteCount: 200 });
    await clock.pass(500);
    mesh.reboot(0);
    await clock.pass(60_000);
    expect(b.packets().length).toBeLessThan(2);
    expect(a.kinds().at(-1)).toBe(8);
    const caller = new Host(mesh, 1, "tcp");
    mesh.reboot(1);
    await clock.pass(1);
    expect(caller.ended).toBe(true);
    expect(() => mesh.open(1, "tcp")).toThrow(/not there/);
  });

  it("a second caller ends the first", async () => {
    const { clock, mesh, b } = await desk();
    const caller = new Host(mesh, 1, "tcp");
    await clock.pass(1);
    expect(b.ended).toBe(true);
    expect(caller.ended).toBe(false);
  });

  it("a host that is away gets the last packets only", async () => {
    const clock = new Steps();
    const mesh = createMeshtasticMesh({ clock, preset: "ShortTurbo", region: "US", toHostPacketsMax: 8 });
    const a = new Host(mesh, 0);
    a.greet();
    for (let id = 1; id <= 20; id++) {
      a.send({ to: BROADCAST, id, byteCount: 20 });
      await clock.pass(3_000);
    }
    const late = new Host(mesh, 1);
    late.greet();
    await clock.pass(1);
    expect(late.packets()).toHaveLength(8);
    expect(mesh.overflowCount(1)).toBe(12);
  });

  it("defects do what their names say", async () => {
    const twice = await desk({ defects: { givesTwice: true, textBetweenFrames: true }, preset: "ShortFast" });
    twice.a.send({ to: BROADCAST, id: 1, byteCount: 10 });
    await twice.clock.pass(5_000);
    expect(twice.b.packets()).toHaveLength(2);
    const mute = await desk({ defects: { noQueueStatus: true } });
    mute.a.send({ to: BROADCAST, id: 1, byteCount: 10 });
    await mute.clock.pass(5_000);
    expect(mute.a.statuses()).toEqual([]);
    const order = await desk({ defects: { reorders: true }, preset: "ShortFast" });
    for (const id of [1, 2]) {
      order.a.send({ to: BROADCAST, id, byteCount: id });
      await order.clock.pass(5_000);
    }
    expect(order.b.packets()).toHaveLength(2);
    const never = await desk({ defects: { neverCompletes: true } });
    never.a.greet();
    await never.clock.pass(10);
    expect(never.a.kinds()).not.toContain(7);
  });

  it("options out of range are refused by name", () => {
    const clock = new Steps();
    expect(() => createMeshtasticMesh({ clock, nodeCount: 1 })).toThrow(/nodeCount must be from 2/);
    expect(() => createMeshtasticMesh({ clock, channels: [] })).toThrow(/channels must be/);
  });
});
