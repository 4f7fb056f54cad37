"""What edit_file, write_file and delete_file are made of: where an edit belongs, and how files change together."""
