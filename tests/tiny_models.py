"""Small open_clip architectures with random weights, saved as checkpoints: no hub needed."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

CAPTIONS = (
    "a dog runs across a field",
    "a red car at night",
    "two people talk in a kitchen",
    "white letters on a black screen",
)

_CLIP_TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
_SIGMOID_TEXT = {
    **_CLIP_TEXT,
    "context_length": 16,
    "no_causal_mask": True,
    "proj_bias": True,
    "pool_type": "last",
}

# One per kind of tower that open_clip has; `tiny-rope` has the visual tower of PE-Core.
CONFIGS = {
    "tiny-clip": {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 64,
            "patch_size": 8,
            "head_width": 32,
        },
        "text_cfg": _CLIP_TEXT,
    },
    "tiny-resnet": {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
        "text_cfg": _CLIP_TEXT,
    },
    "tiny-sigmoid": {
        "embed_dim": 24,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 160,
            "timm_model_name": "test_vit",
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "linear",
        },
        "text_cfg": _SIGMOID_TEXT,
    },
    "tiny-rope": {
        "embed_dim": 24,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 64,
            "timm_model_name": "tiny_rope_tower",
            "timm_model_pretrained": False,
            "timm_pool": "map",
            "timm_proj": None,
        },
        "text_cfg": {**_CLIP_TEXT, "context_length": 32},
    },
}


def tiny_rope_tower(pretrained: bool = False, **options: Any) -> Any:
    """Make PE-Core's tower with two blocks and 64 pixels; timm finds it by this name."""
    import timm

    return timm.create_model(
        "vit_pe_core_tiny_patch16_384", pretrained=pretrained, img_size=64, depth=2, **options
    )


def make_checkpoint(name: str, folder: Path) -> Path:
    """Register a small architecture, draw its weights (seed 0) and save them."""
    pytest.importorskip("torch", reason="the extra `models` is not installed")
    import torch

    from clipseek.embedding.openclip import load_open_clip

    open_clip = load_open_clip()
    import timm.models

    if not timm.models.is_model(tiny_rope_tower.__name__):
        timm.models.register_model(tiny_rope_tower)
    config = folder / f"{name}.json"
    config.write_text(json.dumps(CONFIGS[name]))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    logging.disable(logging.WARNING)  # "initialized randomly"
    model = open_clip.create_model(name)
    logging.disable(logging.NOTSET)
    with torch.no_grad():
        # Fresh towers give nearly the same vector for everything; wider weights tell more apart.
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(2.0)
    checkpoint = folder / f"{name}.pt"
    torch.save(model.state_dict(), checkpoint)
    return checkpoint
