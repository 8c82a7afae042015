"""The examples of models in the OpenAPI document."""

from typing import Any

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
