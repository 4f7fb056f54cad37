"""The tools: `tool_schemas.py` says what a tool is, every other file in the category folders is one."""
