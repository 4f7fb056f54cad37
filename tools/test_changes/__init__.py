"""Tests as they are written, before a change and after it: which are gone, and which no longer run."""
