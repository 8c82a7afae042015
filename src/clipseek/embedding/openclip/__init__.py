"""open_clip's models and their weights; needs torch and open_clip."""

from clipseek.embedding.openclip.load import load_open_clip
from clipseek.embedding.openclip.weights import Loaded, load_weights

__all__ = ["Loaded", "load_open_clip", "load_weights"]
