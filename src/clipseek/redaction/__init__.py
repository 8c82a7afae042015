"""Redaction: faces are found in pictures and blurred before somebody sees them."""

from clipseek.redaction.finder import Finder
from clipseek.redaction.redactor import Redactor
from clipseek.redaction.regions import Regions

__all__ = ["Finder", "Redactor", "Regions"]
