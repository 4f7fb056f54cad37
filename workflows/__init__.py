"""Deterministic orchestration, nothing else."""
