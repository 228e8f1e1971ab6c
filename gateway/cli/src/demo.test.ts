import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import type { Story } from "./demo/story.js";
import { run } from "./index.js";

it("the demo carries a mail over the lossy radio and its answer back, and leaves nothing behind", async () => {
  let out = "";
  let err = "";
  const io = {
    env: {},
    isTerminal: false,
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    readStdin: async () => Buffer.alloc(0),
  };
  const code = await run(["demo", "--json", "--speed", "50", "--port", "2625"], io);
  expect([code, err]).toEqual([0, expect.stringContaining("Summary")]);
  const story = JSON.parse(out) as Story;
  expect(story.crossings).toMatchObject([
    { from: "anna@aurora.example", to: "office@shore.example", verified: true, receipt: true },
    { from: "office@shore.example", to: "anna@aurora.example", verified: true, receipt: true },
  ]);
  expect(story.crossings[0]?.mail).toContain("\r\nSubject: Hello from sea\r\n");
  expect(story.crossings[1]?.mail).toContain("\r\nSubject: Re: Hello from sea\r\n");
  const { aurora, shore } = story.totalBytes;
  expect(story.handshakeBytes.aurora + story.handshakeBytes.shore).toBeGreaterThan(64);
  expect(aurora + shore).toBeGreaterThan(story.handshakeBytes.aurora + story.handshakeBytes.shore);
  const folder = /puts mail into (\S+)\/shore-mail/.exec(err)?.[1] ?? "";
  expect(folder.startsWith(tmpdir())).toBe(true);
  await expect(readdir(folder)).rejects.toThrow("ENOENT");
}, 120_000);
