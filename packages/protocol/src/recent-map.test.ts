import { describe, expect, it } from "vitest";
import { RecentMap } from "./recent-map.js";

describe("recent map", () => {
  it("never holds more than its bound and forgets what was not asked for longest", () => {
    const map = new RecentMap<number>(3);
    for (const name of ["a", "b", "c"]) map.set(name, 1);
    expect(map.get("a")).toBe(1);
    map.set("d", 2);
    expect([map.get("a"), map.get("b"), map.get("c"), map.get("d")]).toEqual([1, undefined, 1, 2]);
    for (let i = 0; i < 100; i++) map.set(`x${i}`, i);
    expect(map.size).toBe(3);
  });

  it("replaces a value without growing", () => {
    const map = new RecentMap<number>(2);
    map.set("a", 1);
    map.set("b", 1);
    map.set("a", 2);
    map.set("c", 1);
    expect([map.get("a"), map.get("b"), map.get("c")]).toEqual([2, undefined, 1]);
  });
});
