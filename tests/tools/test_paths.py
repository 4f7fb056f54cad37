"""Paths of models while somebody replaces what they name."""

import threading
from pathlib import Path

from perdure.contracts.errors import ToolRejected
from tools.paths import resolved


def test_what_is_replaced_while_it_is_looked_at_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path, aside, link = tmp_path / "f.txt", tmp_path / "aside", tmp_path / "link"
    path.write_text("x\n")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            link.symlink_to("elsewhere.txt")
            path.rename(aside)
            link.rename(path)
            path.unlink()
            aside.rename(path)

    swapping = threading.Thread(target=swap)
    swapping.start()
    said: set[str] = set()
    try:
        for _ in range(20_000):
            try:
                said.add(resolved(tmp_path, "f.txt"))
            except ToolRejected as refusal:
                said.add(refusal.message)
    finally:
        ended.set()
        swapping.join()
    assert said <= {"f.txt", "elsewhere.txt", "'f.txt' was replaced while it was looked at."}
    assert "f.txt" in said
