"""What generate_docs is made of: what code says of itself, what docs claim, and how they are written into files."""
