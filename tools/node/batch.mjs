// Runs several programs in one sandbox and says, as one JSON object, what each printed and what is in files afterwards.
// Standard input: { write: { path: text }, commands: [{ argv, cwd, listed }], read: [path] }. Files that a command with
// `listed` prints the paths of, one a line, are read as well. Nothing here decides anything.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const wanted = JSON.parse(readFileSync(0, "utf8"));
for (const [path, text] of Object.entries(wanted.write)) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
const read = new Set(wanted.read);
const results = wanted.commands.map(({ argv, cwd, listed }) => {
  const ended = spawnSync(argv[0], argv.slice(1), {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
    // Sent to a program that prints without end; the usual signal may be ignored.
    killSignal: "SIGKILL",
  });
  if (listed) {
    for (const line of ended.stdout.split("\n").filter(Boolean)) read.add(resolve(cwd, line));
  }
  return {
    code: ended.status ?? 128,
    out: ended.stdout ?? "",
    error: (ended.stderr ?? "") + (ended.error ? String(ended.error) : ""),
  };
});
const files = {};
for (const path of read) {
  try {
    files[path] = readFileSync(path, "utf8");
  } catch {
    files[path] = null;
  }
}
process.stdout.write(JSON.stringify({ results, files }));
