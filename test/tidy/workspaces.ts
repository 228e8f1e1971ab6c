import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listTree } from "./tree.js";

/** One npm workspace as its own package.json and tsconfig.json state it. */
export interface Workspace {
  /** From the root: `packages/contract`. */
  readonly folder: string;
  /** `@estafette/contract`. */
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
  /** Folders its tsconfig.json refers to, from the root; null: it has no references of its own (test/). */
  readonly references: readonly string[] | null;
}

/** What the layer and tidy checks read from package.json files. */
export interface Workspaces {
  readonly workspaces: readonly Workspace[];
  /** Development tools of the root: any test may use them. */
  readonly rootTools: readonly string[];
  /** Folders the root tsconfig.json builds. */
  readonly built: readonly string[];
  /** Names of the root's scripts. */
  readonly scripts: readonly string[];
}

interface PackageFile {
  readonly name: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface ProjectFile {
  readonly references?: readonly { readonly path: string }[];
}

/** Reads every package.json of the checkout. */
export function readWorkspaces(root: string): Workspaces {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), "utf8"));
  const top = read("package.json") as PackageFile;
  const paths = listTree(root);
  const workspaces = paths
    .filter((path) => path.endsWith("/package.json"))
    .map((path): Workspace => {
      const folder = path.slice(0, -"/package.json".length);
      const own = read(path) as PackageFile;
      const project = folder === "test" ? null : (read(`${folder}/tsconfig.json`) as ProjectFile);
      return {
        folder,
        name: own.name,
        dependencies: Object.keys(own.dependencies ?? {}),
        devDependencies: Object.keys(own.devDependencies ?? {}),
        references: project?.references?.map((reference) => join(folder, reference.path)) ?? (project && []),
      };
    });
  return {
    workspaces,
    rootTools: Object.keys(top.devDependencies ?? {}),
    built: (read("tsconfig.json") as ProjectFile).references?.map((reference) => reference.path) ?? [],
    scripts: Object.keys(top.scripts ?? {}),
  };
}
