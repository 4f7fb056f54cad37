"""Tools that ask a model and prove what it answers."""
