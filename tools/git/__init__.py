"""The task's branch: status, differences, commits and its publication."""
