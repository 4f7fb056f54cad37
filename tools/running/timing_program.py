"""Times versions of code side by side, each sample in a fresh process; started alone, inside the sandbox.

It reads one JSON object from standard input and writes one to standard output. Versions take turns, so that what slows
the machine for a while slows all of them.
"""

import json
import subprocess
import sys
from typing import Any

PYTHON = """
import json, sys, time
given = json.loads(sys.argv[1])
sys.path.insert(0, ".")
space = {"__name__": "benchmark"}
exec(compile(given["setup"], "<setup>", "exec"), space)
code = compile(given["code"], "<code>", "exec")
run = compile("for _ in range(_loops):\\n" + "\\n".join("    " + l for l in (given["code"] or "pass").split("\\n")), "<code>", "exec")
if given.get("profile"):
    import cProfile, io, pstats
    space["_loops"] = given["profile"]
    profile = cProfile.Profile()
    profile.runctx(run, space, space)
    out = io.StringIO()
    pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(10)
    print("\\n" + json.dumps({"hot": out.getvalue()}))
    raise SystemExit
def timed(loops):
    space["_loops"] = loops
    start = time.perf_counter()
    exec(run, space)
    return time.perf_counter() - start
loops = given["loops"]
if not loops:
    loops = 1
    while (took := timed(loops)) < 0.02 and loops < 10**8:
        loops = max(loops * 2, int(loops * 0.025 / max(took, 1e-9)))
samples = [timed(loops) / loops for _ in range(4)][1:]
print("\\n" + json.dumps({"loops": loops, "samples": samples}))
"""
NODE = """
const given = JSON.parse(process.argv[1]);
const run = new (Object.getPrototypeOf(async () => {}).constructor)('require', '_loops',
  given.setup + ';\\nconst _start = process.hrtime.bigint(); for (let _i = 0; _i < _loops; _i++) {' + given.code +
  '\\n} return Number(process.hrtime.bigint() - _start) / 1e9;');
const local = require('module').createRequire(process.cwd() + '/benchmark.js');
(async () => {
  let loops = given.loops || 1;
  if (!given.loops) for (let took = await run(local, loops); took < 0.02 && loops < 1e9; took = await run(local, loops))
    loops = Math.max(loops * 2, Math.floor(loops * 0.025 / Math.max(took, 1e-9)));
  const samples = [];
  for (let i = 0; i < 4; i++) samples.push(await run(local, loops) / loops);
  console.log('\\n' + JSON.stringify({ loops, samples: samples.slice(1) }));
})();
"""


def once(version: dict[str, Any], loops: int, profile: int = 0) -> dict[str, Any]:
    """One process of a version; raises ValueError with its words where it fails."""
    program = [version["program"], *(["-e", NODE] if version["node"] else ["-c", PYTHON])]
    given = {"setup": version["setup"], "code": version["code"], "loops": loops, "profile": profile}
    done = subprocess.run(
        [*program, json.dumps(given)], cwd=version["folder"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ValueError(
            f"{version['name']} failed with exit code {done.returncode}:\n{done.stderr[-6_000:]}"
        )
    result: dict[str, Any] = json.loads(done.stdout.rstrip("\n").rpartition("\n")[2])
    return result


def main() -> int:
    """Time every version in turns, and profile the first."""
    given = json.load(sys.stdin)
    loops: dict[str, int] = {}
    samples: dict[str, list[float]] = {}
    try:
        for _ in range(given["rounds"]):
            for version in given["versions"]:
                name = version["name"]
                result = once(version, loops.get(name, 0))
                loops[name] = result["loops"]
                samples.setdefault(name, []).extend(result["samples"])
        first = given["versions"][0]
        hot = "" if first["node"] else once(first, 1, profile=loops[first["name"]])["hot"]
    except (ValueError, OSError) as error:
        sys.stdout.write(json.dumps({"failed": str(error)}) + "\n")
        return 1
    sys.stdout.write(json.dumps({"samples": samples, "loops": loops, "hot": hot}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
