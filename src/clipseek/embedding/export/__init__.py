"""From an open_clip model to a bundle; needs torch, open_clip and onnx."""

from clipseek.embedding.export.model import export_bundle, export_model

__all__ = ["export_bundle", "export_model"]
