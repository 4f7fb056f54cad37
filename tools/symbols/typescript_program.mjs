// Asks the TypeScript language service inside the sandbox where a name is defined and used. Standard input, one JSON object:
// { typescript, wanted, file, line, name, candidates }, every path as the sandbox sees it. Nothing is written.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";

const asked = JSON.parse(readFileSync(0, "utf8"));
const ts = createRequire(`${asked.typescript}/package.json`)("typescript");

const DEFAULTS = {
  allowJs: true,
  jsx: ts.JsxEmit.Preserve,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ESNext,
  esModuleInterop: true,
};

function parsedConfiguration(path) {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} };
  return ts.getParsedCommandLineOfConfigFile(path, {}, host);
}

// The nearest configuration that compiles the file: itself, or one that it refers to; else the nearest one's options.
function configurationOf(file) {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    for (const name of ["tsconfig.json", "jsconfig.json"]) {
      const path = `${folder}/${name}`;
      const parsed = ts.sys.fileExists(path) ? parsedConfiguration(path) : undefined;
      if (!parsed) continue;
      const seen = new Set([path]);
      const waiting = [[path, parsed]];
      while (waiting.length) {
        const [at, one] = waiting.shift();
        if (one.fileNames.includes(file)) return { path: at, options: one.options, files: one.fileNames };
        for (const reference of one.projectReferences ?? []) {
          const next = ts.resolveProjectReferencePath(reference);
          if (seen.has(next)) continue;
          seen.add(next);
          const inner = parsedConfiguration(next);
          if (inner) waiting.push([next, inner]);
        }
      }
      return { path, options: parsed.options, files: parsed.fileNames };
    }
    if (folder === "/workspace" || folder === dirname(folder)) break;
  }
  return { path: "", options: DEFAULTS, files: [] };
}

const configuration = configurationOf(asked.file);
const options = { ...configuration.options, allowJs: true, checkJs: false, noEmit: true };
const names = [...new Set([...configuration.files, asked.file, ...asked.candidates])];
const texts = new Map();
const textOf = (path) => {
  if (!texts.has(path)) texts.set(path, ts.sys.readFile(path));
  return texts.get(path);
};
const service = ts.createLanguageService({
  getScriptFileNames: () => names,
  getScriptVersion: () => "1",
  getScriptSnapshot: (path) => {
    const text = textOf(path);
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
  },
  getCurrentDirectory: () => (configuration.path ? dirname(configuration.path) : "/workspace"),
  getCompilationSettings: () => options,
  getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
  fileExists: ts.sys.fileExists,
  readFile: textOf,
  readDirectory: ts.sys.readDirectory,
  directoryExists: ts.sys.directoryExists,
  getDirectories: ts.sys.getDirectories,
  realpath: ts.sys.realpath,
});

function placesOfName() {
  const source = service.getProgram().getSourceFile(asked.file);
  if (!source) return [];
  const lines = source.getLineStarts();
  const start = lines[asked.line - 1];
  if (start === undefined) return [];
  const stop = lines[asked.line] ?? source.text.length;
  const found = [];
  const letter = /[\p{ID_Continue}$]/u;
  for (let at = source.text.indexOf(asked.name, start); at >= 0 && at < stop; at = source.text.indexOf(asked.name, at + 1)) {
    const before = source.text[at - 1] ?? " ";
    const after = source.text[at + asked.name.length] ?? " ";
    if (!letter.test(before) && !letter.test(after)) found.push(at);
  }
  return found;
}

function placeOf(path, span, kind, more = {}) {
  const source = service.getProgram().getSourceFile(path);
  const { line, character } = source.getLineAndCharacterOfPosition(span.start);
  return { path, line: line + 1, column: character + 1, kind, name: source.text.substr(span.start, span.length), ...more };
}

let places = [];
for (const at of placesOfName()) {
  if (asked.wanted === "definitions") {
    places = (service.getDefinitionAtPosition(asked.file, at) ?? []).map((each) =>
      placeOf(each.fileName, each.textSpan, each.kind),
    );
  } else {
    places = (service.findReferences(asked.file, at) ?? []).flatMap((symbol) =>
      symbol.references.map((each) =>
        placeOf(each.fileName, each.textSpan, symbol.definition.kind, { defines: each.isDefinition === true }),
      ),
    );
  }
  if (places.length) break;
}
process.stdout.write(
  JSON.stringify({
    version: ts.version,
    places,
    unsure: [],
    complete: true,
    configuration: configuration.path && resolve(configuration.path),
  }),
);
