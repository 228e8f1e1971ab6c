#!/usr/bin/env node
import { processIo } from "./io.js";
import { run } from "./run.js";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0); // `| head` has seen enough
  throw error;
});
process.exitCode = await run(process.argv.slice(2), processIo());
