import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  notifyService,
  parseLinkUrl,
  readSecretFile,
  resolveByIdPath,
  systemClock,
  systemRng,
  writeFileDurably,
} from "./index.js";

const folder = mkdtempSync(join(tmpdir(), "estafette-runtime-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("system clock", () => {
  it("counts from boot and never back", () => {
    const clock = systemClock();
    const uptimeMs = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1_000;
    expect(Math.abs(clock.monotonicMs() - uptimeMs)).toBeLessThan(1_000);
    let lastMs = 0;
    for (let look = 0; look < 10_000; look++) {
      const nowMs = clock.monotonicMs();
      expect(nowMs).toBeGreaterThanOrEqual(lastMs);
      expect(Number.isInteger(nowMs)).toBe(true);
      lastMs = nowMs;
    }
    expect(clock.bootId()).toMatch(/^[0-9a-f-]{36}$/);
    expect(clock.bootId()).toBe(systemClock().bootId());
  });

  it("runs timers, and cancels them", async () => {
    const clock = systemClock();
    const elapsed: string[] = [];
    clock.timer(30, () => elapsed.push("late"));
    clock.timer(5, () => elapsed.push("early"));
    const cancel = clock.timer(1, () => elapsed.push("never"));
    cancel();
    await new Promise<void>((resolve) => {
      clock.timer(60, resolve);
    });
    expect(elapsed).toEqual(["early", "late"]);
    expect(() => clock.timer(-1, () => {})).toThrow(expect.objectContaining({ code: "EST_INVARIANT" }));
  });

  it("is believed as far as it deserves", () => {
    const missing = { trustedWhenFileExists: [join(folder, "synchronised")] };
    expect(systemClock({ ...missing, plausibleFromUnixMs: 8.64e15 }).trust()).toBe("untrusted");
    expect(systemClock({ ...missing, plausibleFromUnixMs: 0 }).trust()).toBe("plausible");
    writeFileSync(join(folder, "synchronised"), "");
    expect(systemClock({ ...missing, plausibleFromUnixMs: 0 }).trust()).toBe("trusted");
    expect(systemClock({ trust: "untrusted" }).trust()).toBe("untrusted");
  });
});

describe("system chance", () => {
  it("gives as many bytes as asked for, never the same", () => {
    const rng = systemRng();
    expect(rng.bytes(0)).toHaveLength(0);
    expect(rng.bytes(65_536)).toHaveLength(65_536);
    expect(rng.bytes(16)).not.toEqual(rng.bytes(16));
    expect(() => rng.bytes(65_537)).toThrow(expect.objectContaining({ code: "EST_INVARIANT" }));
  });
});

describe("link URLs", () => {
  it("are read", () => {
    const line = { baud: 9_600, parity: "none", dataBits: 8, stopBits: 1, flow: "none" };
    expect(parseLinkUrl("serial:/dev/ttyUSB0")).toEqual({ scheme: "serial", path: "/dev/ttyUSB0", line });
    expect(parseLinkUrl("serial:/dev/x?baud=1200&parity=even&dataBits=7&stopBits=2&flow=hardware")).toEqual({
      ...{ scheme: "serial", path: "/dev/x" },
      line: { baud: 1_200, parity: "even", dataBits: 7, stopBits: 2, flow: "hardware" },
    });
    expect(parseLinkUrl("pty:/dev/pts/3")).toEqual({ scheme: "serial", path: "/dev/pts/3", line });
    expect(parseLinkUrl("tcp:shore.example:4000")).toEqual({
      scheme: "tcp",
      host: "shore.example",
      port: 4_000,
    });
    expect(parseLinkUrl("tcp:[::1]:0")).toEqual({ scheme: "tcp", host: "::1", port: 0 });
  });

  it("that are wrong are refused, saying why", () => {
    const wrong = ["", "udp:x:1", "tcp:x", "tcp::1", "tcp:x:70000", "tcp:::1:5", "serial:ttyUSB0", "pty:"];
    const options = ["baud=0", "baud=x", "parity=maybe", "stopBits=3", "speed=1"];
    for (const url of [...wrong, ...options.map((option) => `serial:/dev/x?${option}`)]) {
      expect(() => parseLinkUrl(url), url).toThrow(expect.objectContaining({ code: "EST_CONFIG_VALUE" }));
    }
  });
});

describe("files", () => {
  it("with secrets are read only when nobody else can", async () => {
    const path = join(folder, "secret");
    await expect(readSecretFile(path)).rejects.toMatchObject({
      code: "EST_CONFIG_SECRET",
      place: { fix: expect.stringContaining("chmod 600") },
    });
    await writeFileDurably(path, "quiet");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new TextDecoder().decode(await readSecretFile(path))).toBe("quiet");
    chmodSync(path, 0o640);
    await expect(readSecretFile(path)).rejects.toMatchObject({ code: "EST_CONFIG_SECRET" });
    await writeFileDurably(path, new Uint8Array(65_537));
    await expect(readSecretFile(path)).rejects.toThrow(/too large/);
  });

  it("are replaced whole, with nothing left beside them", async () => {
    const path = join(folder, "state", "settings");
    mkdirSync(join(folder, "state"));
    writeFileSync(join(folder, "state", ".settings.new"), "left by a crash");
    await writeFileDurably(path, "one", 0o644);
    await writeFileDurably(path, "two", 0o644);
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(() => statSync(join(folder, "state", ".settings.new"))).toThrow(/ENOENT/);
    await expect(writeFileDurably(join(folder, "nowhere", "x"), "")).rejects.toMatchObject({
      code: "EST_OPERATING_DISK_FAULT",
    });
  });
});

describe("serial port names", () => {
  it("that are stable are found", async () => {
    const byId = join(folder, "by-id");
    mkdirSync(byId);
    for (const name of ["ttyUSB0", "ttyUSB1"]) writeFileSync(join(folder, name), "");
    symlinkSync("../ttyUSB1", join(byId, "usb-Radio_1-port0"));
    symlinkSync("../ttyUSB9", join(byId, "usb-Gone-port0"));
    rmSync(join(byId, "usb-Gone-port0"));
    expect(await resolveByIdPath(join(folder, "ttyUSB1"), byId)).toBe(join(byId, "usb-Radio_1-port0"));
    expect(await resolveByIdPath(join(folder, "ttyUSB0"), byId)).toBeNull();
    expect(await resolveByIdPath(join(folder, "absent"), byId)).toBeNull();
    expect(await resolveByIdPath(join(folder, "ttyUSB0"), join(folder, "none"))).toBeNull();
  });
});

describe("service notification", () => {
  it("says whether anybody was told", async () => {
    expect(await notifyService(["READY=1"], {})).toBe("not-supervised");
    const programs = join(folder, "bin");
    mkdirSync(programs);
    const environment = { NOTIFY_SOCKET: "/run/nobody", PATH: programs };
    expect(await notifyService(["READY=1"], environment)).toBe("unavailable");
    const note = join(folder, "noted");
    writeFileSync(join(programs, "systemd-notify"), `#!/bin/sh\necho "$@" > ${note}\n`, { mode: 0o755 });
    expect(await notifyService(["READY=1", "STATUS=at sea"], environment)).toBe("sent");
    expect(readFileSync(note, "utf8")).toBe("READY=1 STATUS=at sea\n");
  });
});
