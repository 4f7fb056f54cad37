"""Find things in the workspace."""
