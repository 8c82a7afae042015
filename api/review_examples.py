"""The examples of rules, samples and decisions in the OpenAPI document."""

from typing import Any

_VIDEO_ID = "3b1f0a52c7d94e6886a1f2d03c5be917"
SAMPLE_ID = "5f0c1d2e7a9b4c3d8e6f1a2b"
RULES_ANSWER: dict[str, Any] = {
    "rules": [
        {
            "name": "red car",
            "version": "c012c1b07291562a",
            "prompts": ["a red car", "a red van"],
            "exclusions": ["a red fire engine"],
            "threshold": 0.62,
            "fitted": True,
            "cameras": ["yard"],
            "hours": {"days": ["sat"], "start": "22:00", "end": "06:00", "zone": "Europe/Vienna"},
            "relation": {
                "of": "car",
                "to": "house",
                "is": "left_of",
                "margin": 0.1,
                "shows": ["a red car", "a house"],
            },
            "tags": {"proposed": 41, "accepted": 30, "rejected": 6, "corrected": 2},
            "precision": {
                "share": 0.97,
                "low": 0.8467,
                "high": 0.9946,
                "samples": 33,
                "missing": 29,
            },
            "recall": {"share": 1.0, "low": 0.8928, "high": 1.0, "samples": 32, "missing": 3},
        }
    ],
    "lists": [{"name": "hard", "samples": 200}],
}
SAMPLES_ANSWER: dict[str, Any] = {
    "samples": [
        {
            "id": SAMPLE_ID,
            "video_id": _VIDEO_ID,
            "title": "city-night",
            "duration": 184.2,
            "start": 42.0,
            "end": 47.5,
            "rule": "red car",
            "relevance": 0.64,
            "thumbnail_url": f"/v1/videos/{_VIDEO_ID}/thumbnail?collection=default&at=44.750",
            "play_url": f"/v1/videos/{_VIDEO_ID}/file?collection=default#t=42,47.5",
        }
    ],
    "waiting": 41,
}
DECISION: dict[str, Any] = {"sample": SAMPLE_ID, "verdict": "accept", "seconds": 2.4}
DECISION_ANSWER: dict[str, Any] = {
    "number": 118,
    "sample": SAMPLE_ID,
    "verdict": "accept",
    "by_reviewer": False,
    "at": "2026-11-29T10:15:00Z",
}
AGREEMENT_ANSWER: dict[str, Any] = {
    "pairs": [{"annotators": ["ann", "bob"], "samples": 50, "agreed": 46, "kappa": 0.81}],
    "annotators": [
        {"annotator": "ann", "decisions": 120, "seconds": 2.1},
        {"annotator": "bob", "decisions": 50, "seconds": 3.4},
    ],
    "disputed": 4,
}
