"""Perdure: a durable coding agent on Temporal."""

__version__ = "0.1.0"
