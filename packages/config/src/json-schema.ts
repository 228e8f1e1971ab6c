import { z } from "zod";
import { configSchema } from "./schema.js";

/** The part of JSON Schema (draft 2020-12) that zod writes for our file. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

let made: JsonSchema | null = null;

/** JSON Schema of the configuration file, for editors. `!secret name` appears as text. */
export function configJsonSchema(): JsonSchema {
  made ??= z.toJSONSchema(configSchema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === "custom") jsonSchema.type = "string";
    },
  }) as JsonSchema;
  return made;
}

/** Keys that may stand at a place of the file, sorted as in the schema. */
export function knownKeysAt(path: readonly (string | number)[]): readonly string[] {
  let here: readonly JsonSchema[] = [configJsonSchema()];
  for (const part of path) here = here.flatMap(alternatives).flatMap((schema) => step(schema, part));
  return [...new Set(here.flatMap(alternatives).flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ?? [schema];
}

function step(schema: JsonSchema, part: string | number): readonly JsonSchema[] {
  if (typeof part === "number") return schema.items ? [schema.items] : [];
  const own = schema.properties;
  if (own && Object.hasOwn(own, part)) return own[part] ? [own[part]] : [];
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
}

/** The reference of the file in Markdown: one line per key, generated from the schema. */
export function configReference(): string {
  const rows = rowsOf(configJsonSchema(), "");
  return ["| key | value | default | meaning |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function rowsOf(schema: JsonSchema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const full = `${prefix}${key}`;
    const preset = inner.default === undefined ? "" : `\`${yamlText(inner.default)}\``;
    const need = (schema.required ?? []).includes(key) && inner.default === undefined ? "required" : preset;
    const row = `| \`${full}\` | ${kindOf(inner)} | ${need} | ${inner.description ?? ""} |`;
    return [row, ...below(inner, full)];
  });
}

function below(schema: JsonSchema, full: string): string[] {
  return alternatives(schema).flatMap((one) => {
    const map = typeof one.additionalProperties === "object" ? one.additionalProperties : undefined;
    return [
      ...rowsOf(one, `${full}.`),
      ...(map ? rowsOf(map, `${full}.NAME.`) : []),
      ...(one.items ? rowsOf(one.items, `${full}[].`) : []),
    ];
  });
}

function kindOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(String).join(", ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" or ");
  if (schema.type === "object") return schema.properties ? "map" : "map of names";
  if (schema.type === "array") return "list";
  if (schema.type === "string") return "text";
  return String(schema.type ?? "text");
}

function yamlText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value).replaceAll("|", "\\|");
}
