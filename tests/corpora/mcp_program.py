"""An MCP server for cases: ``python mcp_program.py FILE``, a JSON object of its tools' names and what they say."""

import json
import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer


def main() -> None:
    """Serve on standard input and output."""
    server = MCPServer("cases")
    for name, words in json.loads(Path(sys.argv[1]).read_text()).items():

        def answer(said: str = words) -> str:
            return said

        server.add_tool(answer, name=name, description=words)
    server.run()


if __name__ == "__main__":
    main()
