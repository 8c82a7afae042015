"""Find the moment in your videos that a sentence describes."""

__version__ = "0.1.0"

__all__ = ["__version__"]
