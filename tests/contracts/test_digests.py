"""Digests are pinned: a change of canonical JSON or of an approval's id would part old records from new code."""

import hashlib
import math
from typing import Any

import pytest

from perdure.contracts.digests import approval_id, canonical_json, digest_of, short_hash

VALUE = {"b": [1, 2.5, None, True], "a": "é\n☃"}
WRITTEN = '{"a":"é\\n☃","b":[1,2.5,null,true]}'.encode()
ASKED: dict[str, Any] = {
    "operation_digest": "0" * 64,
    "task_id": "task-1",
    "run_id": "run-1",
    "step": 3,
    "call": 0,
}


def test_canonical_json_is_these_bytes() -> None:
    assert canonical_json(VALUE) == WRITTEN
    assert canonical_json({"b": [1, 2.5, None, True], "a": "é\n☃"}) == WRITTEN


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        (VALUE, "bc577083f802413cda5f4bf5886851cce1d06cf6453de9f6d12717ce3a4b9572"),
        ({}, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        ("", "12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126"),
    ],
)
def test_digests_are_these(value: object, digest: str) -> None:
    assert digest_of(value) == digest


def test_a_digest_is_sha_256_of_the_bytes() -> None:
    assert digest_of(VALUE) == hashlib.sha256(WRITTEN).hexdigest()


def test_what_is_no_json_has_no_digest() -> None:
    for value in (math.nan, math.inf, {"a": -math.inf}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical_json(value)
    with pytest.raises(TypeError):
        canonical_json({"a": {1, 2}})


def test_half_of_a_surrogate_pair_has_a_digest_of_its_own() -> None:
    assert digest_of("\ud800") != digest_of("\ud801")


def test_an_approval_id_is_this() -> None:
    assert approval_id(**ASKED) == "6e4830fe73a4"


@pytest.mark.parametrize(
    "other",
    [{"operation_digest": "1" * 64}, {"task_id": "task-2"}, {"run_id": "run-2"}, {"step": 4}, {"call": 1}],
    ids=lambda other: next(iter(other)),
)
def test_an_approval_id_changes_with_whatever_it_is_of(other: dict[str, Any]) -> None:
    assert approval_id(**{**ASKED, **other}) != approval_id(**ASKED)
    assert approval_id(**ASKED, decided=0) == approval_id(**ASKED)
    assert len({approval_id(**ASKED, decided=number) for number in range(3)}) == 3


def test_a_short_hash_is_this() -> None:
    assert short_hash("task-1") == "7afaa346b4bf"
