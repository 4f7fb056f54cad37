"""What summarize_codebase says of a repository, part by part."""
