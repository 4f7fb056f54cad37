"""The record in PostgreSQL, and the context assembled from it."""
