"""Texts, JSON values and models without the credentials in them: what the doors of the worker put everything through.

A text that was looked at once is known to be clean, so that what a conversation is made of is not looked at in each of its
requests.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from perdure.safety.secrets.findings import Finding, marker
from perdure.safety.secrets.known import SHORTEST
from perdure.safety.secrets.redactor import Redactor, without

Model = TypeVar("Model", bound=BaseModel)

WORKER_SECRET = "worker-secret"
"""The kind of what the operator gave the worker itself: nobody can call that harmless."""
MOST_REMEMBERED = 20_000
PIECE = 65_536
"""Longer texts are looked at piece by piece, so that no single look holds up the process."""
IN_A_THREAD = 50_000
"""Longer ones are looked at beside the event loop, where there is a choice."""
HANDLES = frozenset({
    "activity_id", "arguments_digest", "base_branch", "base_commit", "branch", "branch_commit", "build_id", "commit", "decision",
    "digest", "head", "head_ref", "host_id", "host_queue", "id", "model", "operation_digest", "queue", "repository",
    "run_id", "staged_tree", "task_id", "tools_digest", "tree", "workflow_id",
})  # fmt: skip
"""Fields of our own models by which a run finds its way: a value that happens to be a task's secret must not lead it astray."""
_DIGEST = re.compile(r"[0-9a-f]{7,64}")
"""What our own handles look like: no name of a field makes it a credential."""
MOST_IN_CONTEXT = 512
"""A longer value of a field is no credential because of the field's name."""


class Screen:
    """One redactor, with what it found clean already. ``allowed`` are texts that an administrator knows to be harmless."""

    def __init__(self, redactor: Redactor, *, allowed: Callable[[str], bool] = lambda text: False) -> None:
        self._redactor = redactor
        self._allowed = allowed
        self._clean: dict[tuple[int, int], None] = {}

    def findings(self, text: str) -> list[Finding]:
        """Where credentials stand that nobody allowed."""
        if len(text) < SHORTEST or self._is_known(text):
            return []
        found = [
            one
            for one in self._redactor.findings(text)
            if one.kind == WORKER_SECRET or not self._allowed(text[one.start : one.end])
        ]
        if not found:
            self._remember(text)
        return found

    def text(self, text: str) -> str:
        """The text with a marker in the place of each credential; the same object where there is none."""
        if len(text) > PIECE:
            return self._in_pieces(text)
        found = self.findings(text)
        if not found:
            return text
        shown = without(text, found)
        self._remember(shown)
        return shown

    def by_line(self, text: str) -> str:
        """The same with as many lines as before, so that places in one are places in the other."""
        found = self.findings(text)
        parts: list[str] = []
        at = 0
        for one in found:
            parts += [text[at : one.start], marker(one.kind), "\n" * text.count("\n", one.start, one.end)]
            at = one.end
        return "".join([*parts, text[at:]]) if found else text

    async def text_beside(self, text: str) -> str:
        """The same, in a thread where the text is long."""
        return await asyncio.to_thread(self.text, text) if len(text) > IN_A_THREAD else self.text(text)

    def data(self, data: bytes) -> bytes:
        """Bytes of a text; what is no UTF-8 is no text and stays as it is."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return data
        shown = self.text(text)
        return data if shown is text else shown.encode()

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it redacted, names of fields too; the same object where nothing was found."""
        if not self._has_any(list(_texts_in(value))):
            return value
        return self._without(value)

    def model(self, model: Model) -> Model:
        """A model with every text in it redacted; the same object where nothing was found."""
        texts = list(_texts_of_model(model))
        if not self._has_any(texts):
            return model
        return type(model).model_validate(self._of_model(model.model_dump(mode="json", by_alias=True)))

    def arguments(self, raw: str) -> str:
        """The arguments of a call as a model wrote them: JSON stays JSON."""
        if self._is_known(raw):
            return raw
        try:
            value = json.loads(raw)
        except ValueError:
            return self.text(raw)
        shown = self.value(value)
        said = raw if shown is value else json.dumps(shown, ensure_ascii=False)
        self._remember(said)
        return said

    def _has_any(self, texts: Sequence[str]) -> bool:
        """Whether there may be a credential in one of them; most are short, and all of them together cost one look."""
        unknown = [text for text in texts if not self._is_known(text)]
        joined = "\n\n".join(unknown)
        if not joined or not self.findings(joined):
            for text in unknown:
                self._remember(text)
            return False
        return True

    def _of_model(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A dumped model, or one within it."""
        return {
            self.text(name): each if name in HANDLES else self._of_field(each)
            for name, each in fields.items()
        }

    def _of_field(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._of_model(cast("Mapping[str, Any]", value))
        if isinstance(value, list):
            return [self._of_field(each) for each in cast("list[Any]", value)]
        return self._without(value)

    def _without(self, value: Any, name: str = "") -> Any:
        if isinstance(value, str):
            return self._named(name, value)
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            return {self.text(key): self._without(each, key) for key, each in fields.items()}
        if isinstance(value, list | tuple):
            return [self._without(each, name) for each in cast("Sequence[Any]", value)]
        return value

    def _named(self, name: str, value: str) -> str:
        """A field's text, which its name may call a credential."""
        shown = self.text(value)
        if shown is value and name and len(value) <= MOST_IN_CONTEXT and not _DIGEST.fullmatch(value):
            before = f'{name}: "'
            found = [one for one in self.findings(f'{before}{value}"') if one.start >= len(before)]
            if found:
                moved = [
                    Finding(one.start - len(before), min(one.end - len(before), len(value)), one.kind)
                    for one in found
                ]
                return without(value, moved)
        return shown

    def _in_pieces(self, text: str) -> str:
        if self._is_known(text):
            return text
        stream = self._redactor.stream(lambda one, text: one.kind != WORKER_SECRET and self._allowed(text))
        pieces = [stream.feed(text[at : at + PIECE]) for at in range(0, len(text), PIECE)]
        shown = "".join([*pieces, stream.close()])
        self._remember(shown)
        return text if shown == text else shown

    def _is_known(self, text: str) -> bool:
        return (hash(text), len(text)) in self._clean

    def _remember(self, text: str) -> None:
        if len(self._clean) >= MOST_REMEMBERED:
            for oldest in list(self._clean)[: MOST_REMEMBERED // 2]:
                self._clean.pop(oldest, None)
        self._clean[hash(text), len(text)] = None


def _texts_in(value: Any, name: str = "") -> Iterator[str]:
    """Every text, behind the name of its field where it has one."""
    if isinstance(value, str):
        if len(value) >= SHORTEST:
            alone = not name or len(value) > MOST_IN_CONTEXT or _DIGEST.fullmatch(value)
            yield value if alone else f'{name}: "{value}"'
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[str, Any]", value).items():
            yield key
            yield from _texts_in(each, key)
    elif isinstance(value, list | tuple):
        for each in cast("Iterable[Any]", value):
            yield from _texts_in(each, name)


def _texts_of_model(model: BaseModel) -> Iterator[str]:
    """The same of a model, whose own fields have names that say nothing of credentials."""
    for name in type(model).model_fields:
        if name not in HANDLES:
            yield from _texts_of_field(getattr(model, name))


def _texts_of_field(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from _texts_of_model(value)
    elif isinstance(value, list | tuple):
        for each in cast("Iterable[Any]", value):
            yield from _texts_of_field(each)
    else:
        yield from _texts_in(value)
