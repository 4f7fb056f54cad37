"""Run programs in the sandbox."""
