import json
from pathlib import Path

import pytest

from billing.cli import main

DOCUMENT = {"number": "7", "country": "DE", "items": [{"title": "Pen", "price": "2.00", "count": 3}]}


def test_shows_an_invoice_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pens.json"
    path.write_text(json.dumps(DOCUMENT))
    assert main(["show", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "3 x Pen" in printed
    assert printed.splitlines()[-2].split() == ["To", "pay", "7.14", "EUR"]


def test_checks_that_an_invoice_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pens.json"
    path.write_text(json.dumps(DOCUMENT))
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out.endswith("adds up\n")


def test_a_document_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    assert main(["check", str(path)]) == 2
    assert "broken.json: not JSON" in capsys.readouterr().err
