"""The demo model's architecture: open_clip, with a small residual network as its eyes."""

import importlib
import json
import tempfile
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from clipseek.demo.lessons import GRID
from clipseek.demo.words import CONTEXT_LENGTH
from clipseek.embedding.openclip import load_open_clip

NAME = "clipseek-demo"
_STRIDE = 16  # pixels a side of a cell
IMAGE_SIZE = _STRIDE * GRID
# In the words of open_clip's model configurations: 2.9 million parameters see, 1 million read.
CONFIG: dict[str, Any] = {
    "embed_dim": 384,
    "init_logit_bias": 0.0,  # trained with a sigmoid; set from the teacher
    "custom_text": True,
    "vision_cfg": {
        "image_size": IMAGE_SIZE,
        "timm_model_name": "clipseek_cartoon",
        "timm_pool": "",
        "timm_proj": "linear",
    },
    "text_cfg": {
        "context_length": CONTEXT_LENGTH,
        "width": 192,
        "heads": 4,
        "layers": 2,
        "pool_type": "argmax",
    },
}
# A whole 16:9 frame is squashed to the square: nothing of a scene is cut off.
PREPROCESSING: dict[str, Any] = {
    "size": IMAGE_SIZE,
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "interpolation": "bicubic",
    "resize_mode": "squash",
    "fill_color": 0,
}
CELL_FEATURES = 160


def create(vocabulary_size: int) -> Any:
    """Return a fresh open_clip model, a CustomTextCLIP, with random weights.

    Raises:
        ConfigError: the extra `models` is not installed.
    """
    open_clip = load_open_clip()
    timm = importlib.import_module("timm.models")
    if not timm.is_model(clipseek_cartoon.__name__):
        timm.register_model(clipseek_cartoon)
    text = {**CONFIG["text_cfg"], "vocab_size": vocabulary_size}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{NAME}.json").write_text(json.dumps({**CONFIG, "text_cfg": text}))
        open_clip.add_model_config(folder)
        return open_clip.create_model(NAME)


class Eyes(nn.Module):
    """The image tower without its projection: features of a GRID x GRID map, cell after cell.

    The projection that follows has separate weights for each cell: the vector is a sum over cells
    of what is in each, just as the teacher's vector is a sum over things and their places. A mean
    or an attention over the cells, as in CLIP, mixes them before the projection sees them.
    """

    num_features = CELL_FEATURES * GRID * GRID

    def __init__(self) -> None:
        super().__init__()
        resnet = importlib.import_module("timm.models.resnet")
        # Four residual blocks; the last one is dilated so that the map stays GRID wide.
        self.stages = resnet.ResNet(
            resnet.BasicBlock,
            layers=(1, 1, 1, 1),
            channels=(64, 96, 160, 288),
            stem_type="deep",
            stem_width=32,
            output_stride=_STRIDE,
            num_classes=0,
        )
        self.local = nn.Sequential(
            nn.Conv2d(288, CELL_FEATURES, 1, bias=False), nn.BatchNorm2d(CELL_FEATURES), nn.ReLU()
        )
        self.default_cfg = self.pretrained_cfg = {"pool_size": (GRID, GRID)}

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Do nothing, because there is no classifier; open_clip calls this for towers of timm."""

    def cells(self, pixels: Tensor) -> Tensor:
        """Return the map, (N, CELL_FEATURES, GRID, GRID)."""
        features: Tensor = self.local(self.stages.forward_features(pixels))
        return features

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (N, num_features) for normalised pixels (N, 3, S, S)."""
        return self.cells(pixels).flatten(1)


def clipseek_cartoon(pretrained: bool = False, **_options: Any) -> Eyes:
    """Build the image tower; name and arguments are timm's convention for `register_model`."""
    if pretrained:
        raise ValueError("clipseek_cartoon has no pretrained weights")
    return Eyes()
