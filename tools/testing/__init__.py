"""Run the project's tests."""
