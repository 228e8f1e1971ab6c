/** Mails for tests, made from what a seed or fast-check chose. Not exported by the package. */
export interface SampleMail {
  /** Lines of the header, with folds. */
  readonly header: readonly string[];
  readonly body: string;
}

/** One leaf or multipart of a sample. */
export type SamplePart =
  | { readonly kind: "text"; readonly text: string; readonly width: number }
  | {
      readonly kind: "base64";
      readonly content: string;
      readonly lineChars: number;
      readonly endings: number;
    }
  | {
      readonly kind: "multi";
      readonly parts: readonly SamplePart[];
      readonly preamble: string;
      readonly epilogue: string;
    }
  | { readonly kind: "bare"; readonly text: string };

/** Bytes of a sample; text is UTF-8. */
export function mailBytes(mail: SampleMail): Uint8Array {
  return new TextEncoder().encode(`${mail.header.map((line) => `${line}\r\n`).join("")}\r\n${mail.body}`);
}

/** Header lines and body of a part; `depth` makes boundaries differ. */
export function writePart(part: SamplePart, depth = 0): SampleMail {
  if (part.kind === "bare") return { header: [], body: part.text };
  if (part.kind === "text") {
    const header = ["Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: 8bit"];
    return { header, body: wrap(part.text, part.width) };
  }
  if (part.kind === "base64") {
    const lines = btoa(part.content).match(new RegExp(`.{1,${part.lineChars}}`, "g")) ?? [];
    const header = ['Content-Type: image/png; name="a.png"', "Content-Transfer-Encoding: BASE64"];
    return { header, body: lines.join("\r\n") + "\r\n".repeat(part.endings) };
  }
  const boundary = `----=_${"x".repeat(depth)}Part`;
  const parts = part.parts.map((each) => {
    const { header, body } = writePart(each, depth + 1);
    return `--${boundary}\r\n${header.map((line) => `${line}\r\n`).join("")}\r\n${body}\r\n`;
  });
  return {
    header: [`Content-Type: multipart/mixed;\r\n boundary="${boundary}"`],
    body: `${part.preamble}${parts.join("")}--${boundary}--${part.epilogue}`,
  };
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line, ""].join("\r\n");
}
