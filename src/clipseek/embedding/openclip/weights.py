"""Getting an open_clip model with its weights: from the hub, its cache, or a file."""

import difflib
import importlib.util
import logging
import pickle
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from clipseek.embedding.openclip.load import load_open_clip
from clipseek.errors import ConfigError

# How long the hub may take to say anything before it counts as out of reach. open_clip itself
# retries for 47 s before it gives up (huggingface_hub 2.4, two files, five retries each).
_REACH_TIMEOUT_S = 6.0

# The names that open_clip looks for in a repository of the hub, in its order.
_HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")

# What torch.load and open_clip's readers raise over a file of something else.
_LOAD_ERRORS = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)

_PREPROCESS = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True, slots=True)
class Loaded:
    """An open_clip model on the CPU in fp32 and eval mode, with what belongs to it."""

    model: nn.Module
    tokenizer: Callable[..., Any]
    preprocess_cfg: Mapping[str, Any]
    source: str


def load_weights(
    architecture: str, *, pretrained: str | None = None, checkpoint: Path | None = None
) -> Loaded:
    """Load a model of open_clip's list.

    Args:
        architecture: As open_clip names it.
        pretrained: The tag of published weights; with a checkpoint, the tag whose picture recipe
            and activation the checkpoint shares.
        checkpoint: A local file of weights (safetensors or a PyTorch state dict).

    Raises:
        ConfigError: open_clip knows no such name, or the weights are not available or do not fit.
    """
    open_clip = load_open_clip()
    _check_architecture(open_clip, architecture)
    tag = _tag_config(open_clip, architecture, pretrained, checkpoint)
    _check_packages(open_clip, architecture)
    file = checkpoint or _cached(tag)
    if file is None:
        _check_reach(architecture, pretrained, tag)
    tokenizer = _tokenizer(open_clip, architecture)  # before the weights: it is small
    file = file or _download(open_clip, architecture, pretrained, tag)
    with _quiet_root_logger(), _as_config_error(architecture, file):
        model = open_clip.create_model(
            architecture,
            str(file),
            force_quick_gelu=tag.get("quick_gelu", False),
            force_preprocess_cfg={key: tag[key] for key in _PREPROCESS if key in tag},
        )
    source = checkpoint.name if checkpoint else tag.get("hf_hub", "").strip("/") or tag["url"]
    return Loaded(model.eval(), tokenizer, model.visual.preprocess_cfg, source)


def _check_architecture(open_clip: ModuleType, architecture: str) -> None:
    known = open_clip.list_models()
    if architecture not in known:
        raise ConfigError(
            f"open_clip {open_clip.__version__} knows no architecture {architecture!r}"
            f"{_near(architecture, known)}; `indexer models` prints models that work"
        )


def _tag_config(
    open_clip: ModuleType, architecture: str, pretrained: str | None, checkpoint: Path | None
) -> dict[str, Any]:
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained and open_clip.pretrained.is_pretrained_cfg(architecture, pretrained):
        return dict(open_clip.pretrained.get_pretrained_cfg(architecture, pretrained))
    if checkpoint is None:
        wrong = f"{architecture} does not name weights"
        if pretrained:
            version, near = open_clip.__version__, _near(pretrained, tags)
            wrong = f"open_clip {version} has no weights {pretrained!r} for {architecture}{near}"
        example = tags[0] if tags else "TAG"
        raise ConfigError(
            f"{wrong}; name one of its tags, as in `--model {architecture}/{example}`, or give "
            "`--checkpoint FILE`"
        )
    return _shared_recipe(open_clip, architecture, tags)


def _shared_recipe(open_clip: ModuleType, architecture: str, tags: Iterable[str]) -> dict[str, Any]:
    """Return the picture recipe that all published weights of an architecture share.

    A checkpoint does not say how its pictures were prepared. The activation is then the
    architecture's own: `ViT-B-32` and `ViT-B-32-quickgelu` are two architectures.
    """
    tags = list(tags)
    configs = [open_clip.pretrained.get_pretrained_cfg(architecture, tag) for tag in tags]
    recipes = [{key: config[key] for key in _PREPROCESS} for config in configs]
    if any(recipe != recipes[0] for recipe in recipes):
        raise ConfigError(
            f"the published weights of {architecture} need pictures prepared in different "
            "ways; say which of them the checkpoint belongs to, as in `--model "
            f"{architecture}/{tags[0]}`"
        )
    return recipes[0] if recipes else {}


def _near(name: str, known: Iterable[str]) -> str:
    by_folded = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_folded, n=3, cutoff=0.5)
    names = ", ".join(by_folded[one] for one in found)
    return f" (near: {names})" if names else ""


def _cached(tag: Mapping[str, Any]) -> Path | None:
    """Return the weights that are in the hub's cache on this machine, without asking the hub."""
    from huggingface_hub import try_to_load_from_cache

    repository, _, file = tag.get("hf_hub", "").rpartition("/")
    for name in (file,) if file else _HUB_FILES:
        found = try_to_load_from_cache(repository, name) if repository else None
        if isinstance(found, str):
            return Path(found)
    return None


def _check_reach(architecture: str, pretrained: str | None, tag: Mapping[str, Any]) -> None:
    where = _where(tag)
    if not _reachable(where):
        raise _no_weights(architecture, pretrained, f"{where} cannot be reached")


def _download(
    open_clip: ModuleType, architecture: str, pretrained: str | None, tag: Mapping[str, Any]
) -> Path:
    try:
        return Path(open_clip.pretrained.download_pretrained(dict(tag)))
    except (OSError, RuntimeError) as error:
        reason = f"they could not be downloaded from {_where(tag)} ({_in_one_line(error)})"
        raise _no_weights(architecture, pretrained, reason) from error


def _where(tag: Mapping[str, Any]) -> str:
    from huggingface_hub import constants

    repository = tag.get("hf_hub", "").rpartition("/")[0]
    return f"{constants.ENDPOINT}/{repository}" if repository else str(tag["url"])


def _reachable(url: str) -> bool:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - https, from open_clip
    try:
        with urllib.request.urlopen(request, timeout=_REACH_TIMEOUT_S):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True  # it answers; what it refuses, open_clip's own request will say
    except OSError:
        return False


def _no_weights(architecture: str, pretrained: str | None, reason: str) -> ConfigError:
    return ConfigError(
        f"the weights of {architecture}/{pretrained} are not on this machine and {reason}: connect "
        "to the internet once and run the same command again, or give "
        f"`--model {architecture}/{pretrained} --checkpoint FILE` with a copy of them, or use "
        "`--model demo` or `--model FOLDER` with a bundle exported on another machine"
    )


def _check_packages(open_clip: ModuleType, architecture: str) -> None:
    needed = open_clip.get_model_config(architecture)["text_cfg"].get("hf_tokenizer_name")
    if needed and importlib.util.find_spec("transformers") is None:
        raise ConfigError(
            f"the tokenizer of {architecture} needs the package transformers; "
            "`pip install transformers` and run the same command again"
        )


def _tokenizer(open_clip: ModuleType, architecture: str) -> Callable[..., Any]:
    try:
        with _quiet_root_logger():
            tokenizer: Callable[..., Any] = open_clip.get_tokenizer(architecture)
    except ImportError as error:
        package = error.name or "another package"
        raise ConfigError(
            f"the tokenizer of {architecture} needs {package}: {_in_one_line(error)}"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the tokenizer of {architecture} is not on this machine and cannot be downloaded: "
            f"{_in_one_line(error)}; connect to the internet once and run the same command again"
        ) from error
    return tokenizer


@contextmanager
def _as_config_error(architecture: str, file: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    if not file.is_file():
        raise ConfigError(f"no file {file}; give `--checkpoint` the weights of {architecture}")
    try:
        yield
    except (*_LOAD_ERRORS, SafetensorError) as error:
        raise ConfigError(
            f"{file} cannot be loaded as weights of {architecture}: {_in_one_line(error)}; "
            "give the weights of exactly this architecture as safetensors or a PyTorch state "
            "dict"
        ) from error


def _in_one_line(error: Exception) -> str:
    line = " ".join(str(error).split())
    return line if len(line) <= 200 else f"{line[:200]}..."


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Keep open_clip's notes, which it sends to the root logger, out of the user's terminal."""
    root = logging.getLogger()
    root.addFilter(_not_below_error)
    try:
        yield
    finally:
        root.removeFilter(_not_below_error)


def _not_below_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
