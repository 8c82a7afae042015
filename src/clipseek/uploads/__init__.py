"""Uploads: files that clients send part by part. The size of a file is how much of it is stored."""

from clipseek.uploads.folder import Uploads
from clipseek.uploads.parts import PARTS, Appending
from clipseek.uploads.stored import Stored, safe_name
from clipseek.uploads.upload import LEAST_BYTES, Bounds, Upload

__all__ = [
    "LEAST_BYTES",
    "PARTS",
    "Appending",
    "Bounds",
    "Stored",
    "Upload",
    "Uploads",
    "safe_name",
]
