import { deriveParameters, describeParameters, World } from "@estafette/simulation";
import { temporaryDisk } from "./disk.js";
const from = Number(process.argv[2]); const to = Number(process.argv[3] ?? from);
for (let seed = from; seed <= to; seed++) {
  const p = deriveParameters(seed);
  const parameters = { ...p, bodyBytesMax: 5000, media: p.media.map((m) => ({ ...m, kind: "stream" as const, loss: 0, duplication: 0, reordering: 0, asymmetric: 0, parcelBytesMax: 60000, bitsPerSecond: 1_000_000, delayMs: 40, turnaroundMs: 0 })) };
  const disk = temporaryDisk();
  const t = Date.now();
  const r = await new World({ seed, disk, parameters, keepLog: from === to }).play();
  disk.remove();
  if (from === to) { console.log(describeParameters(parameters).join("\n")); console.log(r.log.lines.filter((l) => !/timer|sends|VIOL/.test(l)).slice(0, Number(process.argv[4] ?? 300)).join("\n")); }
  console.log(seed, r.virtualMs / 3.6e6, r.eventsRun, Date.now() - t, "ms", JSON.stringify({ ...r.counts, faultPoints: 0 }));
  for (const v of r.violations) console.log("   ", v);
}
