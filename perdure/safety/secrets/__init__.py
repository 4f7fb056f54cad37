"""Credentials in text: where they stand, and the text without them."""

from perdure.safety.secrets.findings import Finding, holds_marker, marker
from perdure.safety.secrets.known import KnownValue, KnownValues
from perdure.safety.secrets.redactor import Redactor, Stream
from perdure.safety.secrets.screen import Screen
from perdure.safety.secrets.screens import Screens

__all__ = [
    "Finding",
    "KnownValue",
    "KnownValues",
    "Redactor",
    "Screen",
    "Screens",
    "Stream",
    "holds_marker",
    "marker",
]
