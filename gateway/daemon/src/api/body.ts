import type { IncomingMessage } from "node:http";
import { ApiProblem } from "./problem.js";

/** Exact media types, so that no clever content type slips past a check (one value, no parameters but charset). */
export function mediaTypeOf(request: IncomingMessage): string {
  const given = request.headers["content-type"] ?? "";
  return given.toLowerCase().replace(/; ?charset=utf-8$/, "");
}

/** Reads a body of at most `bytesMax`; stops reading at the bound. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const tooLarge = (): ApiProblem =>
    new ApiProblem(413, "too-large", `at most ${bytesMax} bytes`, { connection: "close" });
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    byteCount += chunk.length;
    if (byteCount > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function readJson(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  const body = await readBody(request, bytesMax);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ApiProblem(400, "malformed", "the body is not JSON in UTF-8");
  }
}
