"""Clones, checkpoints, restore, safe paths and Git."""
