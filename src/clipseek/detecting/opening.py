"""Opens the detector that the settings name."""

from importlib.resources import files
from pathlib import Path

from clipseek.protocols.detectors import Detector

DEMO = "demo"
"""Names the detector of the cartoon world, which the package has."""


def open_detector(name: str, threads: int | None = None) -> Detector:
    """Return the detector in an ONNX file, or that of the demo.

    Raises:
        ConfigError: as `onnx.OnnxDetector` does.
    """
    # onnxruntime takes a quarter of a second to import, which other verbs need not wait for.
    from clipseek.detecting.onnx import OnnxDetector

    demo = files("clipseek") / "demo" / "detector" / "detector.onnx"
    return OnnxDetector(Path(str(demo)) if name == DEMO else Path(name), threads=threads)
