"""Command analysis: what of a line of shell may run without asking anybody. ``docs/command-analysis.md`` explains it."""
