"""What needs torch and open_clip: their embedder, and the way from them to a bundle."""

from clipseek.embedding.openclip.embedder import OpenClipEmbedder
from clipseek.embedding.openclip.export import export_bundle, export_model
from clipseek.embedding.openclip.load import load_open_clip

__all__ = ["OpenClipEmbedder", "export_bundle", "export_model", "load_open_clip"]
