"""Runs calls ahead in a throw-away view, so that people see what they change before they decide."""
