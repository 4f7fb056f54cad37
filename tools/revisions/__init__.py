"""What the git tools are made of: states of the files by name, commit messages, hooks, and diffs at a readable length."""
