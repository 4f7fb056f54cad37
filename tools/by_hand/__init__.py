"""Run one tool by hand, on a folder, without any server."""
