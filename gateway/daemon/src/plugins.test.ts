import { parseConfig } from "@estafette/config";
import type { ConfigError } from "@estafette/contract";
import { describe, expect, it } from "vitest";
import { checkPlugins } from "./load.js";
import { linkSettings } from "./settings.js";

const configOf = (link: string) =>
  parseConfig(`version: 1\nnode: {name: aurora}\nlinks:\n  packet: {${link}}\n`, "e.yaml", {
    secrets: () => null,
  });

const KISS = 'driver: kiss, connect: "127.0.0.1:8001", station_id: N0CALL-1';

describe("the service of a link", () => {
  it("is told to the core: what an amateur link may carry, and when", () => {
    const [link] = configOf(`${KISS}, service: amateur, windows: ["cron 0 18 * * * for 2h"]`).links;
    expect(link && linkSettings(link)).toMatchObject({
      content: "clear-signed",
      budget: { attended: true, windows: ["cron 0 18 * * * for 2h"] },
    });
    const [other] = configOf(`${KISS}, service: ism`).links;
    expect(other && linkSettings(other)).toMatchObject({ content: "any", budget: { attended: false } });
  });

  it.each([
    [`${KISS}, service: amateur, automatic: true`, null],
    [`${KISS}, service: ism`, null],
    [`${KISS}`, /links\.packet\.service .*must say under which rules/],
    ["driver: serial, port: /dev/x", null],
    [
      "driver: serial, port: /dev/x, service: amateur, automatic: true, station_id: N0CALL",
      /links\.packet\.service .*does not identify the station/,
    ],
    ["driver: serial, port: /dev/x, station_id: N0CALL", /links\.packet\.station_id .*known keys/],
    ['driver: kiss, service: ism, connect: "127.0.0.1:8001"', /links\.packet\.station_id .*your call sign/],
  ])("of %s fits its driver, or the check says why", async (link, problem) => {
    const complaint = await checkPlugins(configOf(link)).catch((error: ConfigError) => error.message);
    if (problem) expect(complaint).toMatch(problem);
    else expect(complaint).toBeUndefined();
  });
});
