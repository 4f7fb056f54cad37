"""Files that live only in memory and are handed to the sandbox by descriptor, and the pipe on which it reports."""

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self, TypeVar

from perdure.safety.owner import Owner

T = TypeVar("T")


class Descriptors:
    """Opens what one run needs and closes all of it."""

    def __init__(self) -> None:
        self._opened: list[int] = []
        self._passed: list[int] = []
        self._held = ExitStack()

    def __enter__(self) -> Self:
        self._status_read, self.status = os.pipe()
        os.set_blocking(self._status_read, False)
        self._opened += [self._status_read, self.status]
        self._passed.append(self.status)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in self._opened:
            os.close(number)
        self._held.close()

    def entered(self, context: AbstractContextManager[T]) -> T:
        """What the context gives; it is left when all else is closed."""
        return self._held.enter_context(context)

    @property
    def numbers(self) -> tuple[int, ...]:
        """What the started process must inherit besides its standard streams."""
        return tuple(self._passed)

    def holding(self, data: bytes) -> int:
        """A descriptor from which exactly these bytes are read."""
        number = os.memfd_create("perdure", os.MFD_CLOEXEC)
        self._opened.append(number)
        with open(number, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(number, 0, os.SEEK_SET)
        return number

    def passing(self, data: bytes) -> int:
        """The same, inherited by the started process under the same number."""
        number = self.holding(data)
        self._passed.append(number)
        return number

    def identity_files(self, owner: Owner) -> dict[str, int]:
        """Descriptors of the account files of the sandbox, by their path: they name nobody of the host."""
        texts = {
            "/etc/passwd": f"sandbox:x:{owner.uid}:{owner.gid}:sandbox:/tmp/home:/bin/sh\n",
            "/etc/group": f"sandbox:x:{owner.gid}:\n",
            "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
        }
        return self.files({path: text.encode() for path, text in texts.items()})

    def files(self, contents: Mapping[str, bytes]) -> dict[str, int]:
        """Descriptors of files that the sandbox shall show, by their path."""
        return {path: self.passing(data) for path, data in contents.items()}

    def program_ended(self) -> bool:
        """Whether an exit code was reported, which happens only for a program that was started."""
        try:
            report = os.read(self._status_read, 64 * 1024)
        except BlockingIOError:
            return False
        return any("exit-code" in json.loads(line) for line in report.splitlines() if line.strip())
