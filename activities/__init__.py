"""Doors between workflow and world, one a file; each is handed what it needs."""
