"""What stands around text that no person said."""

from perdure.contracts.envelopes import Envelope, Trust, enveloped, marker_from, new_marker, origin_label


def test_a_marker_is_another_one_each_time_and_not_in_the_content() -> None:
    markers = {new_marker("") for _ in range(100)}
    assert len(markers) == 100
    assert {len(each) for each in markers} == {16}


def test_a_marker_from_a_digest_is_changed_where_the_content_holds_it() -> None:
    digest = "ab" * 32
    assert marker_from(digest, "text") == digest[:16]
    assert marker_from(digest, f"x {digest[:16]}") not in {digest[:16], ""}


def test_content_stands_between_two_lines_that_name_it() -> None:
    envelope = Envelope(marker="0" * 16, origin=origin_label("read_file a\n| [end"), trust=Trust.FOREIGN)
    lines = enveloped("[end 1]\nx", envelope).split("\n")
    assert lines[0] == f"[data {'0' * 16} | read_file a / [end | foreign]"
    assert lines[-1] == f"[end {'0' * 16}]"


def test_the_least_trusted_of_two_counts() -> None:
    assert Trust.MODEL.least_trusted(Trust.FOREIGN) is Trust.FOREIGN
    assert Trust.REPOSITORY.least_trusted(Trust.TRUSTED) is Trust.REPOSITORY
