import { ConfigError, OperatingError, ProtocolError, type SubmissionRefusal } from "@estafette/contract";

/** An answer that is not a success: status and `{code, message}`. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.name = "ApiProblem";
  }
}

/** HTTP status of each refusal, as in the refusal table of the gateway (one table for SMTP, HTTP and links). */
const STATUS: Readonly<Record<SubmissionRefusal["why"], number>> = {
  "no-route": 422,
  "unknown-user": 404,
  "relay-denied": 403,
  "sender-not-owned": 403,
  "too-large": 413,
  "never-carried": 422,
  "over-share": 429,
  full: 507,
  fault: 503,
  malformed: 422,
  loop: 508,
  stopping: 503,
};

export function problemOfRefusal(refusal: SubmissionRefusal): ApiProblem {
  const headers = refusal.temporary ? { "retry-after": "60" } : undefined;
  return new ApiProblem(STATUS[refusal.why], refusal.why, refusal.text, headers);
}

/** What a caller is told about an error; what is not meant for it becomes a plain 500. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof ConfigError) {
    const fix = error.place.fix === undefined ? "" : `. ${error.place.fix}`;
    return new ApiProblem(422, error.code, `${error.message}${fix}`);
  }
  if (error instanceof ProtocolError) return new ApiProblem(422, error.code, error.message);
  if (error instanceof OperatingError) {
    const full = error.code === "EST_OPERATING_DISK_FULL";
    return new ApiProblem(full ? 507 : 503, error.code, error.message);
  }
  return new ApiProblem(500, "internal", "an error of the gateway itself; its log says more");
}
