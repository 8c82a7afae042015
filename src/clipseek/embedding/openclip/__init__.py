"""What needs torch and open_clip: their embedder, and the way from them to a bundle."""

from clipseek.embedding.openclip.export import export_model

__all__ = ["export_model"]
