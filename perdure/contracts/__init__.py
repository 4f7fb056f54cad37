"""Models that cross a boundary, and the one error tree. Imports nothing else of Perdure."""
