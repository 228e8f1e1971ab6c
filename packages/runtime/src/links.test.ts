import { readdirSync } from "node:fs";
import { connect } from "node:net";
import type { ByteLink } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { bearerHost, listenBytes, openByteLink, systemClock, systemRng } from "./index.js";

const NEVER = new AbortController().signal;
const GONE = { code: "EST_OPERATING_PORT_GONE" };

/** Both ends of a loopback connection, and how to end it. */
async function loopback(): Promise<{ near: ByteLink; far: ByteLink; close(): void }> {
  const listener = await listenBytes("tcp:127.0.0.1:0", NEVER);
  const near = await openByteLink(listener.url, NEVER);
  const far = (await listener.links[Symbol.asyncIterator]().next()).value as ByteLink;
  return {
    near,
    far,
    close() {
      near.close();
      far.close();
      listener.close();
    },
  };
}

async function read(link: ByteLink, byteCount: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of link.readable) {
    parts.push(chunk);
    size += chunk.length;
    if (size >= byteCount) break;
  }
  return Buffer.concat(parts).toString();
}

describe("tcp links", () => {
  it("carry bytes both ways", async () => {
    const { near, far, close } = await loopback();
    const heard = Promise.all([read(near, 4), read(far, 5)]);
    await near.write(Buffer.from("hello"));
    await far.write(Buffer.from("back"));
    expect(await heard).toEqual(["back", "hello"]);
    close();
  });

  it("end when the far end closes, and fail later writes", async () => {
    const { near, far, close } = await loopback();
    far.close();
    far.close();
    const chunks: Uint8Array[] = [];
    for await (const chunk of near.readable) chunks.push(chunk);
    expect(chunks).toEqual([]);
    await expect(far.write(Buffer.from("x"))).rejects.toMatchObject(GONE);
    close();
  });

  it("end reading when closed on this side, and fail a write that waits", async () => {
    const { near, close } = await loopback();
    const reading = (async () => {
      for await (const _ of near.readable);
      return "ended";
    })();
    const writing = near.write(new Uint8Array(50_000_000));
    writing.catch(() => {});
    near.close();
    expect(await reading).toBe("ended");
    await expect(writing).rejects.toMatchObject(GONE);
    close();
  });

  it("hold a fast writer back", async () => {
    const { near, close } = await loopback();
    let taken = 0;
    const pumping = (async () => {
      for (let piece = 0; piece < 1_000; piece++) {
        await near.write(new Uint8Array(100_000));
        taken++;
      }
    })().catch(() => {});
    await new Promise<void>((resolve) => {
      systemClock().timer(300, resolve);
    });
    expect(taken).toBeLessThan(900);
    close();
    await pumping;
  });

  it("that cannot be opened or are given up say so", async () => {
    await expect(openByteLink("tcp:127.0.0.1:1", NEVER)).rejects.toMatchObject(GONE);
    await expect(openByteLink("tcp:127.0.0.1:1", AbortSignal.abort())).rejects.toMatchObject(GONE);
    await expect(openByteLink("carrier-pigeon:", NEVER)).rejects.toMatchObject({ code: "EST_CONFIG_VALUE" });
  });
});

describe("tcp listeners", () => {
  it("stop when told, close who waits, and free the port", async () => {
    const stop = new AbortController();
    const listener = await listenBytes("tcp:127.0.0.1:0", stop.signal);
    await expect(listenBytes(listener.url, NEVER)).rejects.toMatchObject(GONE);
    const port = Number(listener.url.split(":").at(-1));
    const waiting = connect({ host: "127.0.0.1", port });
    await new Promise((resolve) => waiting.once("connect", resolve));
    const closed = new Promise((resolve) => waiting.once("close", resolve));
    waiting.on("error", () => {});
    const taking = listener.links[Symbol.asyncIterator]();
    stop.abort();
    await closed;
    expect((await taking.next()).done).toBe(true);
    const again = await listenBytes(listener.url, NEVER);
    again.close();
  });

  it("are for tcp only", async () => {
    await expect(listenBytes("serial:/dev/x", NEVER)).rejects.toMatchObject({ code: "EST_CONFIG_VALUE" });
  });

  it("survive callers that reset the connection while they wait", async () => {
    const listener = await listenBytes("tcp:127.0.0.1:0", NEVER);
    const port = Number(listener.url.split(":").at(-1));
    for (let caller = 0; caller < 20; caller++) {
      const socket = connect({ host: "127.0.0.1", port });
      await new Promise((resolve) => socket.once("connect", resolve));
      socket.resetAndDestroy();
    }
    const near = await openByteLink(listener.url, NEVER);
    near.close();
    listener.close();
  });

  it("leave no file open after many connections", async () => {
    const openFiles = (): number => readdirSync("/proc/self/fd").length;
    const turn = async (): Promise<void> => {
      const { near, far, close } = await loopback();
      const heard = read(far, 1);
      await near.write(Uint8Array.of(1));
      await heard;
      close();
    };
    for (let warm = 0; warm < 5; warm++) await turn();
    const before = openFiles();
    for (let round = 0; round < 200; round++) await turn();
    await new Promise<void>((resolve) => {
      systemClock().timer(50, resolve);
    });
    expect(openFiles()).toBeLessThanOrEqual(before + 3);
  });
});

describe("serial links", () => {
  it("that are not there say so", async () => {
    await expect(openByteLink("serial:/dev/no-such-port?baud=9600", NEVER)).rejects.toMatchObject(GONE);
    await expect(openByteLink("pty:/dev/null", NEVER)).rejects.toMatchObject(GONE);
  });
});

describe("bearer host", () => {
  it("is made of what it is given", () => {
    const clock = systemClock();
    const rng = systemRng();
    const log = (): void => {};
    const host = bearerHost({ clock, rng, log });
    expect(host).toMatchObject({ clock, rng, log, open: openByteLink, listen: listenBytes });
  });
});
