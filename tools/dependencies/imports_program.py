"""Builds the import graph of Python packages inside the sandbox by grimp, which reads files and imports none of them.

The request, one JSON object: ``roots`` (folders that imports begin in) and ``packages`` (names of packages in them).
"""

import json
import sys


def main() -> None:
    """Answer the request."""
    import grimp

    request = json.loads(sys.stdin.buffer.read())
    sys.path[:0] = request["roots"]
    graph = grimp.build_graph(*request["packages"], include_external_packages=True, cache_dir=None)
    edges = {
        module: sorted(graph.find_modules_directly_imported_by(module)) for module in sorted(graph.modules)
    }
    external = sorted(module for module in graph.modules if graph.is_module_squashed(module))
    sys.stdout.write(json.dumps({"edges": edges, "external": external}))
