"""A text that is shortened before anybody looks for credentials shows no part of one."""

import string
from collections.abc import Callable

import pytest

from perdure.safety.command_display import quoted
from perdure.safety.display import inline_code
from perdure.safety.secrets import Redactor
from perdure.safety.secrets.cutting import beginning, ending
from tools.model_view import for_model
from tools.reading.pages import LINE_CHARACTERS
from tools.titles import one_line

LETTERS = string.ascii_letters + string.digits
TOKEN = "ghp_" + "Zx9Qw8Er7T" * 4
PASSWORD = "kD83jfLs93kdLLq0"
HOLDERS = (
    TOKEN,
    f"password: {PASSWORD}",
    f'api_key = "{PASSWORD}"',
    f"postgres://shop:{PASSWORD}@db.example/shop",
    f"curl -u ada:{PASSWORD} https://api.example",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.d1H4kQ9xW2mN7vB3",
)
SHORTENED: tuple[Callable[[str], str], ...] = (
    lambda text: beginning(text, 400),
    lambda text: ending(text, 400),
    lambda text: one_line(text, 400),
    lambda text: for_model(text, limit=1_000),
    lambda text: inline_code(text, 600),
    lambda text: quoted(text, 600).markdown,
)


def parts(secret: str) -> list[str]:
    """What nobody may read: any eight characters of it, which no other text here has."""
    return [secret[at : at + 8] for at in range(len(secret) - 7)]


@pytest.mark.parametrize("shortened", SHORTENED)
@pytest.mark.parametrize("holder", HOLDERS)
def test_no_part_of_a_credential_is_left_where_a_text_is_cut(
    holder: str, shortened: Callable[[str], str]
) -> None:
    secret = TOKEN if TOKEN in holder else PASSWORD if PASSWORD in holder else holder
    redactor = Redactor()
    for before in range(330, 405, 5):
        for text in (
            f"{'x ' * (before // 2)}{holder}{' y' * 1_200}",
            f"{'x ' * 1_200}{holder}{' y' * (before // 2)}",
        ):
            shown = redactor.redact(shortened(text))
            left = [part for part in parts(secret) if part in shown]
            assert left == [], (before, shown)


def test_a_cut_where_no_credential_stands_is_where_it_was_wanted() -> None:
    text = "def total(prices): return sum(prices)\n" * 100
    assert beginning(text, 333) == text[:333]
    assert ending(text, 333) == text[-333:]
    assert beginning(text, 10_000) is text
    assert ending(text, 10_000) is text


@pytest.mark.parametrize("mark", ["…", "...", "", "'", f"[… {LINE_CHARACTERS:,} more characters]"])
def test_the_beginning_of_a_token_is_taken_out_where_something_was_left_out(mark: str) -> None:
    redactor = Redactor()
    for token in (TOKEN, "npm_" + "a1B2c3D4" * 4, "glpat-" + "a1B2c3D4e5", "sk-ant-api03-a1B2c3D4e5F6"):
        shown = f"It says {token[:14]}{mark}"
        assert token[:14] not in redactor.redact(shown)
    for harmless in ("see test_total_2", "key-value-store-2026", "npm_config", "is it hf_?", "sk-learn..."):
        assert redactor.redact(f"{harmless}{mark}") == f"{harmless}{mark}"
