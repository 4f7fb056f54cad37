"""Credentials in text: where they stand, and the text without them."""

from perdure.safety.secrets.findings import Finding, holds_marker, marker
from perdure.safety.secrets.known import KnownValues
from perdure.safety.secrets.redactor import Redactor, Stream

__all__ = ["Finding", "KnownValues", "Redactor", "Stream", "holds_marker", "marker"]
