"""What the tools that find things are made of: lists of files, ranking, the index of code."""
