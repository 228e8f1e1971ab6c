import { describe, expect, it } from "vitest";
import { PluginOptions } from "./options.js";

const options = (raw: unknown) => new PluginOptions("radio", raw, "write port: /dev/x");
const wrong = (key: string, fix: string, code = "EST_CONFIG_VALUE") => ({
  code,
  message: `radio${key && `: ${key}`}: ${fix}`,
  place: { key, fix },
});
const missing = (key: string, fix: string) => wrong(key, fix, "EST_CONFIG_KEY");

/** What `read` throws; fails when it throws nothing. */
function thrownBy(read: () => unknown): unknown {
  try {
    read();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("options of a plugin", () => {
  it("are a map with known keys, own ones only", () => {
    for (const raw of [null, undefined, 7, "port", []])
      expect(thrownBy(() => options(raw))).toMatchObject(wrong("", "write port: /dev/x"));
    const given = options({ port: "/dev/x", prt: 1 });
    expect(thrownBy(() => given.allowOnly(["port", "baud"]))).toMatchObject(
      missing("prt", "remove it; known keys are port, baud"),
    );
    given.allowOnly(["port", "prt"]);
    expect(options({}).value("toString")).toBeUndefined();
  });

  it("hold numbers inside their bounds", () => {
    const given = options({ low: 1, high: 9, half: 2.5, word: "3", nothing: null });
    expect([
      given.integer("low", 5, 1, 9),
      given.integer("high", 5, 1, 9),
      given.integer("none", 5, 1, 9),
    ]).toEqual([1, 9, 5]);
    expect([given.optionalInteger("nothing", 1, 9), given.optionalInteger("none", 1, 9)]).toEqual([
      null,
      null,
    ]);
    expect(given.optionalInteger("low", 1, 9)).toBe(1);
    for (const key of ["half", "word"])
      expect(thrownBy(() => given.integer(key, 5, 1, 9))).toMatchObject(
        wrong(key, "write a whole number from 1 to 9"),
      );
    expect(thrownBy(() => given.integer("high", 5, 1, 8))).toMatchObject(
      wrong("high", "write a whole number from 1 to 8"),
    );
    expect(thrownBy(() => given.optionalInteger("low", 2, 9))).toMatchObject(
      wrong("low", "write a whole number from 2 to 9"),
    );
  });

  it("hold choices, flags and texts", () => {
    const given = options({ duplex: "full", on: true, path: "/a", bad: 7 });
    expect([given.oneOf("duplex", ["half", "full"]), given.oneOf("none", ["half", "full"])]).toEqual([
      "full",
      "half",
    ]);
    expect([given.flag("on"), given.flag("none")]).toEqual([true, false]);
    expect([given.text("path", /^\//, "a path"), given.text("none", /^\//, "a path", "/b")]).toEqual([
      "/a",
      "/b",
    ]);
    expect(thrownBy(() => given.oneOf("bad", ["half", "full"]))).toMatchObject(
      wrong("bad", "write half or full"),
    );
    expect(thrownBy(() => given.flag("bad"))).toMatchObject(wrong("bad", "write true or false"));
    expect(thrownBy(() => given.text("bad", /^\//, "a path"))).toMatchObject(wrong("bad", "write a path"));
    expect(thrownBy(() => given.text("none", /^\//, "a path"))).toMatchObject(
      missing("none", "add none: a path"),
    );
  });

  it("hold ports and names", () => {
    const given = options({
      port: "/dev/ttyUSB0",
      query: "/dev/x?baud=1",
      name: "aurora",
      with: ["shore", "shore"],
      one: "shore",
    });
    expect(given.serialPort("port")).toBe("/dev/ttyUSB0");
    expect(thrownBy(() => given.serialPort("none"))).toMatchObject(
      missing("none", "add none: /dev/serial/by-id/…"),
    );
    expect(thrownBy(() => given.serialPort("query"))).toMatchObject({ code: "EST_CONFIG_VALUE" });
    expect([given.gatewayName("name"), given.gatewayName("none", "estafette")]).toEqual([
      "aurora",
      "estafette",
    ]);
    expect(thrownBy(() => given.gatewayName("port"))).toMatchObject({ code: "EST_CONFIG_VALUE" });
    expect([given.gatewayNames("with", "aurora", 2), given.gatewayNames("one", "aurora", 2)]).toEqual([
      ["shore"],
      ["shore"],
    ]);
    expect(thrownBy(() => given.gatewayNames("with", "aurora", 1))).toMatchObject({
      code: "EST_CONFIG_VALUE",
    });
    expect(thrownBy(() => given.gatewayNames("with", "shore", 2))).toMatchObject({
      code: "EST_CONFIG_VALUE",
    });
    expect(thrownBy(() => given.gatewayNames("none", "shore", 2))).toMatchObject(
      missing("none", "add none: [shore]"),
    );
  });
});
