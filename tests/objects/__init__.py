"""Tests of detectors, of tracks, and of the field `object`."""
