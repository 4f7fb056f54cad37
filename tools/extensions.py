"""Tools of others: by an entry point of an installed package, as files in folders that the operator named, or of MCP
servers.

What is broken is left out and told; it never keeps a worker from starting.
"""

import contextlib
import importlib.util
import re
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from perdure.contracts.errors import ConfigurationError
from tools.registry import described, refuse_unseen_changes
from tools.tool_schemas import Tool

GROUP = "perdure.tools"
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What models' providers take as a name."""
MODULES = "perdure_tool_files"


@dataclass(frozen=True)
class Extensions:
    """What was found, and a sentence for each thing that was left out."""

    tools: tuple[Tool[Any], ...] = ()
    problems: tuple[str, ...] = ()


@contextlib.asynccontextmanager
async def all_extensions(
    folders: Sequence[Path],
    servers: Path | None,
    *,
    home: Path,
    environment: Mapping[str, str],
    taken: Collection[str],
) -> AsyncGenerator[Extensions]:
    """The tools of packages, folders and MCP servers (of which the file tells); the servers are there meanwhile."""
    loaded = load_extensions(folders, taken=taken)
    if servers is None:
        yield loaded
        return
    # Its library takes longer to load than all else together.
    from tools.mcp_servers.servers import mcp_tools

    taken = {*taken, *(one.name for one in loaded.tools)}
    async with mcp_tools(servers, home=home, environment=environment, taken=taken) as (tools, problems):
        yield Extensions((*loaded.tools, *tools), (*loaded.problems, *problems))


def load_extensions(folders: Sequence[Path], *, taken: Collection[str]) -> Extensions:
    """The tools of installed packages, then of the folders; a name that is ``taken`` already is left out."""
    loaded: dict[str, Tool[Any]] = {}
    problems: list[str] = []
    for where, load in (*_entry_points(), *_files(folders, problems)):
        try:
            made = load()
            _refuse_unusable(made, where, taken={*taken, *loaded})
        except ConfigurationError as error:
            problems.append(f"{where} is left out: {error}")
        # Code of others may end in any way, by sys.exit too.
        except (Exception, SystemExit) as error:
            problems.append(f"{where} is left out, because it ended with {type(error).__name__}: {error}")
        else:
            loaded[made.name] = made
    return Extensions(tuple(loaded.values()), tuple(problems))


def _entry_points() -> Iterator[tuple[str, Callable[[], Tool[Any]]]]:
    for point in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        yield f"The entry point {point.name!r} of {GROUP} ({point.value})", _loader(point)


def _loader(point: EntryPoint) -> Callable[[], Tool[Any]]:
    return lambda: _tool_of(point.load(), point.name)


def _files(folders: Sequence[Path], problems: list[str]) -> Iterator[tuple[str, Callable[[], Tool[Any]]]]:
    for number, folder in enumerate(folders):
        if not folder.is_dir():
            problems.append(f"The folder of tools {str(folder)!r} is left out: it is no folder.")
            continue
        for file in sorted(folder.glob("*.py")):
            if not file.name.startswith("_"):
                yield f"The tool file {str(file)!r}", _file_loader(file, f"{MODULES}_{number}_{file.stem}")


def _file_loader(file: Path, module_name: str) -> Callable[[], Tool[Any]]:
    def load() -> Tool[Any]:
        spec = importlib.util.spec_from_file_location(module_name, file)
        if spec is None or spec.loader is None:
            raise ConfigurationError("it is no Python file")
        module = importlib.util.module_from_spec(spec)
        # Pydantic looks a model's module up to resolve its annotations.
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[module_name]
            raise
        return _tool_of(getattr(module, file.stem, None), file.stem)

    return load


def _tool_of(made: object, name: str) -> Tool[Any]:
    if not isinstance(made, Tool) or made.name != name:
        raise ConfigurationError(
            f"it holds no tool named {name!r}.", "give it one function of this name, decorated with @tool(…)."
        )
    return made  # pyright: ignore[reportUnknownVariableType]


def _refuse_unusable(made: Tool[Any], where: str, *, taken: Collection[str]) -> None:
    if not NAME.fullmatch(made.name):
        raise ConfigurationError(
            f"{made.name!r} is no name that a model can call.", "use letters, digits, _ and -."
        )
    if made.name in taken:
        raise ConfigurationError(f"there is a tool {made.name!r} already.", "give it another name.")
    refuse_unseen_changes(made)
    # Its schema is made once here, so that one which cannot be made is found now.
    described(made)
