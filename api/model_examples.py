"""The examples of models in the OpenAPI document."""

from typing import Any

from api import job_examples

MODELS_ANSWER: dict[str, Any] = {
    "models": [
        {
            "name": "PE-Core-B-16/meta",
            "dim": 1024,
            "image_size": 224,
            "licence": "Apache-2.0",
            "note": "default; MSR-VTT R@1 47.6",
            "installed": True,
            "precision": "fp32",
            "measured": None,
            "collections": ["default"],
        },
        {
            "name": "PE-Core-B-16/meta@int8",
            "dim": 1024,
            "image_size": 224,
            "licence": "Apache-2.0",
            "note": "installed here",
            "installed": True,
            "precision": "int8",
            "measured": {
                "speedup": 1.9,
                "images": 0.994,
                "texts": 1.0,
                "overlap": 0.968,
                "pictures": 96,
            },
            "collections": [],
        },
    ]
}

STEP = {"step": "prepare", "model": "PE-Core-B-16/meta@int8"}
_MOMENT = {
    "video": "3b1f0a52c7d94e6886a1f2d03c5be917",
    "title": "city-night",
    "start": 42.0,
    "end": 47.5,
    "relevance": 0.91,
}
SWITCH_ANSWER: dict[str, Any] = {
    "collection": "default",
    "model": "PE-Core-B-16/meta",
    "state": "ready",
    "other": "PE-Core-B-16/meta@int8",
    "videos": 3,
    "other_videos": 3,
    "left_out": [],
    "started_at": "2025-03-02T10:15:01Z",
    "cut_at": None,
    "job": {**job_examples.SWITCH_JOB, "state": "done", "ended_at": "2025-03-02T10:15:21Z"},
    "agreement": {
        "queries": 100,
        "queries_from": "recent",
        "overlap": 0.968,
        "shift": -0.004,
        "examples": [
            {
                "query": "a red car at night",
                "overlap": 0.9,
                "shift": -0.02,
                "before": [_MOMENT],
                "after": [{**_MOMENT, "relevance": 0.89}],
            }
        ],
    },
}
