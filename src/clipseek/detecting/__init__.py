"""Detecting: detectors of users, ONNX files that are read by the shapes of their outputs."""
