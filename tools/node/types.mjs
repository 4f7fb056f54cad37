// Makes TypeScript's types of a JSON Schema. Standard input: { modules, name, schema, definitions }. It reads no file and
// no address that a schema refers to.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { modules, name, schema, definitions } = JSON.parse(readFileSync(0, "utf8"));
const { compile } = createRequire(modules)("json-schema-to-typescript");
const options = {
  bannerComment: "",
  additionalProperties: false,
  unreachableDefinitions: definitions,
  strictIndexSignatures: false,
  $refOptions: { resolve: { file: false, http: false, external: false } },
};
try {
  process.stdout.write(JSON.stringify({ text: await compile(schema, name, options) }));
} catch (error) {
  process.stdout.write(JSON.stringify({ problem: String(error.message ?? error) }));
}
