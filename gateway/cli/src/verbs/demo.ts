import { usage } from "../exit.js";
import { type Call, text, type Verb } from "../verb.js";

export const demo: Verb = {
  name: "demo",
  summary: "two gateways and an emulated radio in one process: see it work, no hardware needed",
  synopsis: "[--speed N] [--loss PERCENT] [--seed N] [--port N] [--json]",
  details: [
    "    --speed N       the air runs N times faster than at sea [1…100], default 20",
    "    --loss PERCENT  frames lost on the radio [0…60], default 10",
    "    --seed N        same seed, same weather; default 1",
    "    --port N        first choice for the SMTP port on board, default 2525",
    "    --json          one JSON document on stdout, the story on stderr",
    "",
    "On a terminal it stays until Ctrl-C, so that you can send from your own mail program; otherwise it ends by",
    "itself. Exit code 0, or 1 when something did not arrive in time. Writes only to a temporary folder.",
  ],
  options: {
    speed: { type: "string" },
    loss: { type: "string" },
    seed: { type: "string" },
    port: { type: "string" },
    json: { type: "boolean" },
  },
  words: [0, 0],
  async run(call) {
    const options = {
      speed: numberOf(call, "speed", { usual: 20, min: 1, max: 100 }),
      frameLoss: numberOf(call, "loss", { usual: 10, min: 0, max: 60 }) / 100,
      seed: numberOf(call, "seed", { usual: 1, min: 0, max: 4_294_967_295 }),
      port: numberOf(call, "port", { usual: 2_525, min: 1, max: 65_534 }),
    };
    const { runDemo } = await import("../demo/run.js");
    return runDemo(options, call.io, call.values.json === true);
  },
};

function numberOf(call: Call, key: string, range: { usual: number; min: number; max: number }): number {
  const given = text(call.values[key]);
  if (given === undefined) return range.usual;
  const value = Number(given);
  if (Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  throw usage(`--${key}: a whole number, ${range.min} to ${range.max}`);
}
