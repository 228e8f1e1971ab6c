import { describe, expect, it } from "vitest";
import { daemon } from "./daemon.js";
import { document, type Effort, type Figure, median, type Part, table } from "./figures.js";
import { queue } from "./queue.js";
import { relayed } from "./relayed.js";
import { signatures } from "./signatures.js";
import { transfers } from "./transfers.js";

const TINY: Effort = {
  messages: 6,
  warmUpMessages: 2,
  signatures: 4,
  transfers: 8,
  queueLengths: [10, 20],
  queueTurns: 4,
  starts: 1,
  idleMs: 10,
};

const PARTS: readonly (readonly [Part, readonly string[]])[] = [
  [signatures, ["header.signed", "header.verified-cold", "header.verified-cached"]],
  [transfers, ["transfers.asked", "transfers.pushed", "transfers.mails"]],
  [queue, ["queue.kept-alone", "queue.kept-in-groups", "queue.turn-10", "queue.turn-20", "queue.growth"]],
  [daemon, ["daemon.start", "daemon.idle-memory", "daemon.submitted"]],
  [relayed, ["relayed.rate", "relayed.cpu", "relayed.rate-with-receipts"]],
];

/** How fast is not a test's business: a busy machine would fail it. Whether the bench measures anything is. */
describe("the bench", () => {
  it.each(PARTS.map(([part, ids]) => ({ name: part.name, part, ids })))(
    "$name gives its figures",
    async ({ name, part, ids }) => {
      const figures = await part.run(TINY);
      expect(figures.map((figure) => figure.id)).toEqual(expect.arrayContaining([...ids]));
      for (const figure of figures) {
        expect(figure.id.startsWith(`${name}.`), figure.id).toBe(true);
        expect(Number.isFinite(figure.value) && figure.value >= 0, `${figure.id} ${figure.value}`).toBe(true);
        expect(figure.unit).not.toBe("");
      }
    },
    300_000,
  );

  const figure: Figure = { id: "relayed.rate", what: "texts", value: 1234.5, unit: "1/s", aim: "≥ 1000" };

  it("prints a table with the peers beside", () => {
    const [head, row] = table([figure]).split("\n");
    expect(head).toMatch(/^id +value +unit +aim +what$/);
    expect(row).toMatch(
      /^relayed\.rate +1235 +1\/s +≥ 1000 +texts \(Mosquitto 305, Postfix 170, UUCP 104, LXMF 29\)$/,
    );
  });

  it("prints one JSON document", () => {
    const parsed: unknown = JSON.parse(document([figure], { node: "v20" }));
    expect(parsed).toMatchObject({ version: 1, machine: { node: "v20" }, figures: [figure] });
  });

  it("takes the middle of what it measured", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([])).toBeNaN();
  });
});
