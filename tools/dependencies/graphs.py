"""An import graph: its cycles, its most imported modules, and its picture."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

MOST_DRAWN = 60


@dataclass(frozen=True)
class Problem:
    """One package that is used and not declared, or the reverse."""

    kind: str
    """``missing``, ``unused`` or ``misplaced`` (for development only)."""
    package: str
    places: tuple[str, ...] = ()
    """Some of the places that import it, ``path:line`` or ``path``."""


@dataclass(frozen=True)
class Analysis:
    """What is known of one project."""

    engine: str
    edges: Mapping[str, Set[str]]
    """Modules of the project that a module imports."""
    packages: Mapping[str, Set[str]] = field(default_factory=dict[str, Set[str]])
    """Modules of others that a module imports."""
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()


def cycles_of(edges: Mapping[str, Set[str]]) -> list[list[str]]:
    """A shortest circle in each group of modules that import each other, the largest groups first."""
    groups = [
        group for group in _components(edges) if len(group) > 1 or group[0] in edges.get(group[0], set())
    ]
    return [_circle(edges, group) for group in sorted(groups, key=lambda group: (-len(group), group))]


def _components(edges: Mapping[str, Set[str]]) -> list[list[str]]:
    """Strongly connected components by Tarjan's algorithm, without recursion."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for start in sorted(edges):
        work = [(start, iter(sorted(edges.get(start, ()))))] if start not in order else []
        if work:
            order[start] = low[start] = len(order)
            stack.append(start)
            on_stack.add(start)
        while work:
            node, following = work[-1]
            step = next((each for each in following if each not in order or each in on_stack), None)
            if step is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    group = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    on_stack.difference_update(group)
                    found.append(sorted(group))
            elif step in on_stack:
                low[node] = min(low[node], order[step])
            else:
                order[step] = low[step] = len(order)
                stack.append(step)
                on_stack.add(step)
                work.append((step, iter(sorted(edges.get(step, ())))))
    return found


def _circle(edges: Mapping[str, Set[str]], group: Sequence[str]) -> list[str]:
    """A shortest way from the first module of a group back to itself."""
    start, inside = group[0], set(group)
    came_from: dict[str, str] = {}
    waiting = [start]
    for node in waiting:
        for step in sorted(edges.get(node, set()) & inside):
            if step == start:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return [*reversed(way), start]
            if step not in came_from:
                came_from[step] = node
                waiting.append(step)
    return [start, start]


def most_imported(edges: Mapping[str, Set[str]], count: int) -> list[tuple[str, int]]:
    """The modules that most others import."""
    return Counter(target for targets in edges.values() for target in targets).most_common(count)


def mermaid_of(edges: Mapping[str, Set[str]]) -> str:
    """The graph as a Mermaid flowchart; a large one by folders or packages."""
    drawn = edges
    depth = max((_depth(name) for name in edges), default=1)
    while len(drawn) > MOST_DRAWN and depth > 1:
        depth -= 1
        drawn = _grouped(edges, depth)
    names = sorted({*drawn, *(target for targets in drawn.values() for target in targets)})
    number = {name: f"m{position}" for position, name in enumerate(names)}
    lines = ["flowchart LR", *(f'  {number[name]}["{_label(name)}"]' for name in names)]
    lines += [f"  {number[a]} --> {number[b]}" for a in sorted(drawn) for b in sorted(drawn[a])]
    return "\n".join(lines)


def _parts(name: str) -> list[str]:
    return name.split("/") if "/" in name else name.split(".")


def _depth(name: str) -> int:
    return len(_parts(name))


def _grouped(edges: Mapping[str, Set[str]], depth: int) -> dict[str, set[str]]:
    def group(name: str) -> str:
        return ("/" if "/" in name else ".").join(_parts(name)[:depth])

    found: dict[str, set[str]] = {}
    for module, targets in edges.items():
        found.setdefault(group(module), set()).update(
            group(each) for each in targets if group(each) != group(module)
        )
    return found


def _label(name: str) -> str:
    return name.replace('"', "'").replace("\n", " ")
