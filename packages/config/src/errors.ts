import { ConfigError } from "@estafette/contract";

/** All that is wrong with one file, in the order of its lines. `code` and `place` are those of the first. */
export class ConfigErrors extends ConfigError {
  readonly errors: readonly ConfigError[];
  constructor(errors: readonly [ConfigError, ...ConfigError[]]) {
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
    super(first.code, `${formatConfigError(first)}${more}`, first.place);
    this.errors = errors;
  }
}

/** One line per error: `estafette.yaml:6:5  links.hf.bandwith   unknown key. Did you mean "bandwidth"?` */
export function formatConfigError(error: ConfigError): string {
  const { file, line, column, key, fix } = error.place;
  const where = [file ?? "configuration", line, column].filter((part) => part !== undefined).join(":");
  const what = fix === undefined ? error.message : `${error.message}. ${capital(fix)}`;
  return [where, key, what].filter((part) => part !== undefined && part !== "").join("  ");
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
