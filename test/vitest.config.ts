import { defineConfig } from "vitest/config";
import CountingReporter from "./report/counting-reporter.js";

/** Packages run from source: the condition "estafette-source" names each package's src/index.ts. */
const conditions = ["estafette-source", "node", "import", "module", "default"];

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["node", "import", "default"] } },
  test: {
    include: ["{packages,plugins,gateway,hardware,test}/**/*.test.ts"],
    exclude: ["**/dist/**", "**/node_modules/**"],
    reporters: ["default", new CountingReporter()],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
