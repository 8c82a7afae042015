"""A report on a library as one HTML file: what is in it, how it changes, and what it costs."""

from clipseek.curation.report.page import page
from clipseek.curation.report.sections import Facts, sections

__all__ = ["Facts", "page", "sections"]
