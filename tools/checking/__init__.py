"""Runs linters and type checkers of a project, and reads what they say."""
