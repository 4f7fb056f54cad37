"""How files are read: as text, by parts, as an outline, and what the task has seen of them."""
