"""Read, write and edit files of the workspace."""
