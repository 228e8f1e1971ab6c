import type { Header } from "@estafette/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Peer } from "./directory.js";
import { TemplateBook } from "./head-templates.js";
import type { Keeper } from "./sealed-state.js";

const peer = { addressHex: "ab", name: "shore" } as Peer;

/** A disk for both roles, and its book. `restart` keeps the disk, `lose` does not. */
class Node {
  readonly disk = new Map<string, Uint8Array>();
  book = new TemplateBook(this.#keeper());

  #keeper(): Keeper {
    const spool = {
      getState: async (name: string) => this.disk.get(name) ?? null,
      putState: async (name: string, value: Uint8Array | null) => {
        if (value) this.disk.set(name, value);
        else this.disk.delete(name);
      },
    };
    const vault = { open: (bytes: Uint8Array) => bytes, seal: (bytes: Uint8Array) => bytes };
    return { spool, vault, fail: (error: unknown) => expect.fail(String(error)) } as unknown as Keeper;
  }

  restart(): void {
    this.book = new TemplateBook(this.#keeper());
  }

  lose(): void {
    this.disk.clear();
    this.restart();
  }
}

function header(lifetimeS: number, sequence: number): Header {
  const common = {
    origin: new Uint8Array(32),
    destination: new Uint8Array(16),
    keyEpoch: 0,
    epoch: 7,
    hopMax: 8,
  };
  return { ...common, sequence, createdUnixS: 1_767_225_600, lifetimeS } as Header;
}

/** A ship that tells heads to a shore, leg by leg. */
class Pair {
  readonly ship = new Node();
  readonly shore = new Node();
  #legs = 0;

  /** The handshake: shore says what it holds. Whether ship had to forget. */
  async meet(): Promise<boolean> {
    const sent = await this.ship.book.sent(peer);
    const before = await this.#knows();
    await sent.agree((await this.shore.book.held(peer)).digest);
    return before && !(await this.#knows());
  }

  /** Ship can tell this head by a template. */
  async #knows(): Promise<boolean> {
    return this.ship.disk.size > 0;
  }

  /** One envelope. `heard`: shore keeps it; `answered`: ship hears that. How its head was told. */
  async send(
    lifetimeS: number,
    { heard, answered }: { heard: boolean; answered: boolean } = { heard: true, answered: true },
  ): Promise<"full" | "defines" | "uses"> {
    const sent = await this.ship.book.sent(peer);
    const told = header(lifetimeS, ++this.#legs);
    const slot = sent.formFor(this.#legs, told);
    if (heard && slot && "defines" in slot) await (await this.shore.book.held(peer)).put(slot.defines, told);
    if (heard && slot && "uses" in slot && !(await this.shore.book.held(peer)).get(slot.uses)) {
      await sent.forget();
      return "full";
    }
    if (answered) await sent.accepted(this.#legs);
    else sent.dropped(this.#legs);
    return slot === null ? "full" : "uses" in slot ? "uses" : "defines";
  }
}

const LIFETIMES = Array.from({ length: 40 }, (_, i) => 3_600 + i);

describe("templates of heads", () => {
  it("agree again at the meeting after a loss, however much had been defined", async () => {
    const pair = new Pair();
    for (const lifetimeS of LIFETIMES.slice(0, 5)) await pair.send(lifetimeS);
    pair.ship.lose();
    await pair.meet();
    expect(await pair.send(3_600)).toBe("defines");
    expect(await pair.meet()).toBe(false);
    expect(await pair.send(3_600)).toBe("uses");
    expect(await pair.meet()).toBe(false);
    expect(await pair.send(3_600)).toBe("uses");
  });

  it("cost one head in full, then none, whatever was lost before", async () => {
    const step = fc.oneof(
      fc.constantFrom("meet", "restart ship", "restart shore", "lose ship", "lose shore"),
      fc.record({ lifetimeS: fc.constantFrom(...LIFETIMES), heard: fc.boolean(), answered: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const pair = new Pair();
        for (const step of steps) {
          if (typeof step === "object")
            await pair.send(step.lifetimeS, { ...step, answered: step.heard && step.answered });
          else if (step === "meet") await pair.meet();
          else pair[step.endsWith("ship") ? "ship" : "shore"][step.startsWith("lose") ? "lose" : "restart"]();
        }
        await pair.meet();
        await pair.send(9_000);
        expect(await pair.meet()).toBe(false);
        expect(await pair.send(9_000)).toBe("uses");
      }),
    );
  });

  it("turn in slots 1 to 15 while nothing is lost", async () => {
    const pair = new Pair();
    for (const lifetimeS of LIFETIMES) {
      expect(await pair.send(lifetimeS)).toBe("defines");
      expect(await pair.send(lifetimeS)).toBe("uses");
      expect(await pair.meet()).toBe(false);
    }
    // What slot 0 and the last fifteen say is still known.
    expect(await pair.send(3_600)).toBe("uses");
    expect(await pair.send(3_600 + 25)).toBe("uses");
    expect(await pair.send(3_600 + 24)).toBe("defines");
  });

  it("define nothing beside slot 0 until it is accepted, and a few later ones at once", async () => {
    const sent = await new Node().book.sent(peer);
    expect(sent.formFor(1, header(3_600, 1))).toEqual({ defines: 0 });
    expect(sent.formFor(2, header(3_601, 2))).toBe(null);
    sent.dropped(1);
    expect(sent.formFor(3, header(3_600, 3))).toEqual({ defines: 0 });
    await sent.accepted(3);
    const slots = [4, 5, 6, 7, 8].map((i) => sent.formFor(i, header(3_600 + i, i)));
    expect(slots).toEqual([{ defines: 1 }, { defines: 2 }, { defines: 3 }, { defines: 4 }, null]);
    await sent.forget();
    expect(sent.formFor(9, header(3_609, 9))).toBe(null);
    for (const i of [4, 5, 6, 7]) await sent.accepted(i);
    expect(sent.formFor(9, header(3_609, 9))).toEqual({ defines: 0 });
  });
});
