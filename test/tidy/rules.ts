import { findBans } from "./bans.js";
import { findImports } from "./imports.js";
import { findBareUnits, findLongFiles, findLongFunctions, findVagueNames } from "./shape.js";
import type { Finding, SourceUnit } from "./tree.js";
import { findSwitchedOff, findWords } from "./words.js";

/** A rule that judges one file at a time. */
export interface Rule {
  readonly name: string;
  readonly find: (unit: SourceUnit) => readonly Finding[];
}

/** The house's taste, in the order a reader meets it. */
export const RULES: readonly Rule[] = [
  { name: "time, chance and the terminal come as arguments", find: findBans },
  { name: "imports stay where the package may reach", find: findImports },
  { name: "files fit on a few screens", find: findLongFiles },
  { name: "functions fit on one screen", find: findLongFunctions },
  { name: "names say what a thing is", find: findVagueNames },
  { name: "numbers carry their unit", find: findBareUnits },
  { name: "nothing is left unfinished, silenced or tied to one machine", find: findWords },
  { name: "every test runs", find: findSwitchedOff },
];
