"""Where it was measured, the table that is printed, and the object that is written."""

import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import torch

from benchmarks.gpu.work import Figure

PACKAGES = ("torch", "faiss-gpu-cu12", "faiss-cpu", "av", "torchcodec", "open_clip_torch")


@dataclass(frozen=True, slots=True)
class Part:
    """What one part gave: its figures, what it left out, why it failed or "", and its seconds."""

    name: str
    figures: dict[str, Figure]
    left_out: list[str]
    failed: str
    seconds: float


def place(device: str) -> dict[str, object]:
    """Return the device, its driver, the versions and the date."""
    on_gpu = device != "cpu"
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.machine(),
        "driver": _driver() if on_gpu else "",
        "cuda": (torch.version.cuda or "") if on_gpu else "",
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _driver() -> str:
    """Return the version of NVIDIA's driver, or "" if its program does not say."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().partition("\n")[0]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def table(where: dict[str, object], parts: Sequence[Part]) -> str:
    """Return the table: a line for each figure, and one for each thing that is missing."""
    lines = [f"{where['device']}  driver {where['driver'] or '-'}  {where['date']}"]
    for part in parts:
        lines.append(f"{part.name}  ({part.seconds:.0f} s)")
        lines += [f"  {name:64} {value:>12}" for name, value in part.figures.items()]
        lines += [f"  left out: {what}" for what in part.left_out]
        if part.failed:
            lines.append(f"  failed: {part.failed}")
    return "\n".join(lines)
