"""Files while edits are applied to them, before anything is written."""

from dataclasses import dataclass, field

from perdure.contracts.errors import ToolRejected
from perdure.workspace.working_copy import WorkingCopy
from tools.editing.changes import Change, open_for_change
from tools.paths import located, missing
from tools.text_files import TextFile


@dataclass
class Draft:
    """One file while it is edited; ``file`` is None while it does not exist."""

    path: str
    file: TextFile | None = None
    before: TextFile | None = None
    data_before: bytes | None = None
    moved_to: str = ""
    executable: bool | None = None
    deleted: bool = False

    def change(self) -> Change | None:
        """What became of the file; None where nothing did."""
        if self.deleted:
            return Change(self.path, self.before, self.data_before, None, None)
        if self.file is None:
            return None
        if "\0" in self.file.text and "\0" not in (self.before.text if self.before else ""):
            raise ToolRejected(
                f"Nothing was written: {self.path!r} would hold a NUL character, so it would be no text any more.",
                "Send text without NUL characters.",
            )
        data = self.file.encoded()
        if data == self.data_before and not self.moved_to and self.executable is None:
            return None
        return Change(
            self.path, self.before, self.data_before, self.file, data, self.moved_to, self.executable
        )


@dataclass
class Drafts:
    """All files of one call, each once whatever it is called."""

    copy: WorkingCopy
    by_path: dict[str, Draft] = field(default_factory=dict[str, Draft])

    def find(self, named: str) -> Draft:
        """The draft of this file, new or as it is; ToolRejected where no text can be there."""
        if not named:
            raise ToolRejected("It names no file.", "Give its path.")
        path = located(self.copy, named)
        known = self.by_path.get(path)
        if known is not None:
            return known
        draft = Draft(path)
        if self.copy.files.exists(path):
            draft.before, draft.data_before = open_for_change(self.copy.files, path)
            draft.file = draft.before
        self.by_path[path] = draft
        return draft

    def existing(self, named: str) -> tuple[Draft, TextFile]:
        """The draft of a file that is there, and its text; ToolRejected with near names otherwise."""
        draft = self.find(named)
        if draft.file is None:
            raise missing(self.copy.files, draft.path)
        return draft, draft.file

    def changes(self) -> list[Change]:
        """What became of every file."""
        return [change for draft in self.by_path.values() if (change := draft.change())]
