"""A model repository of NVIDIA Triton: a folder from which the server loads the towers of a bundle.

    DIR/NAME/config.pbtxt     what the model takes and gives, and how requests share a run
    DIR/NAME/VERSION/*.onnx   the tower, with the files that contain its weights

NAME and VERSION are those that a `RemoteTower` asks for. The fields of config.pbtxt are those of
Triton's documentation, "Model Configuration" and "Model Repository".
"""

import shutil
import tempfile
from pathlib import Path

from clipseek.embedding.bundle import TEXT, VISUAL, Bundle, read_with
from clipseek.embedding.towers import text_on_cpu
from clipseek.embedding.towers.remote.exchange import Tensor, Wanted, wanted
from clipseek.errors import ConfigError

# How long a request waits for others to share its run, in microseconds: less than a run takes.
_QUEUE_US = 1000


def config(
    tower: Wanted, file: str, fingerprint: str, *, most: int, instances: int, any_length: bool
) -> str:
    """Return the text of config.pbtxt.

    Args:
        tower: Its name, version, input and output.
        file: Name of the ONNX file in the folder of the version.
        fingerprint: Of the bundle, for people: no request can ask for it.
        most: Rows in one run. With 1, requests do not share runs.
        instances: Copies on each device.
        any_length: Whether rows of tokens may have any length.
    """
    taken = Tensor("tokens", "INT64", (-1, -1)) if any_length else tower.taken
    lines = [
        f'name: "{tower.name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {most}",
        f'default_model_filename: "{file}"',
        f"version_policy {{ specific {{ versions: [ {tower.version} ] }} }}",
        *_listed("input", taken),
        *_listed("output", tower.given),
        f"instance_group [ {{ count: {instances} kind: KIND_AUTO }} ]",
    ]
    if most > 1:
        lines += [
            "dynamic_batching {",
            f"  preferred_batch_size: [ {most} ]",
            f"  max_queue_delay_microseconds: {_QUEUE_US}",
            "}",
        ]
    lines += [
        "parameters {",
        '  key: "clipseek_fingerprint"',
        f'  value {{ string_value: "{fingerprint}" }}',
        "}",
    ]
    return "\n".join(lines) + "\n"


def _listed(kind: str, tensor: Tensor) -> list[str]:
    """Return an input or an output; the axis of the batch is not among its sizes."""
    sizes = ", ".join(map(str, tensor.shape[1:]))
    described = f'name: "{tensor.name}" data_type: TYPE_{tensor.datatype} dims: [ {sizes} ]'
    return [f"{kind} [ {{ {described} }} ]"]


def write_repository(
    bundle: Bundle, folder: Path, *, batch: int = 32, instances: int = 1
) -> list[Wanted]:
    """Write the towers of a bundle into a model repository; each appears whole or not at all.

    The visual tower of a bundle for OpenVINO is left out: another runtime would give its pictures
    other vectors.

    Args:
        bundle: The model; its files are checked.
        folder: Of the repository; it is made, and other models in it stay.
        batch: Rows in one run.
        instances: Copies on each device.

    Raises:
        ConfigError: a file of the bundle is damaged, a tower is there, or `instances` is wrong.
    """
    if instances < 1:
        raise ConfigError(f"--instances must be at least 1, got {instances}; leave it out for one")
    files = [VISUAL, TEXT] if bundle.runtime == "onnxruntime" else [TEXT]
    towers = {file: wanted(bundle, file) for file in files}
    for tower in towers.values():
        if (folder / tower.name).exists():
            raise ConfigError(
                f"{folder / tower.name} is there already; remove it to write it again, or name "
                "another folder"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for file, tower in towers.items():
        # A sentence in int8 would get another vector beside others.
        alone = file == TEXT and bundle.text_precision == "int8"
        text = config(
            tower,
            file,
            bundle.fingerprint,
            most=1 if alone else batch,
            instances=instances,
            any_length=file == TEXT and text_on_cpu(bundle, 1).intake.any_length,
        )
        _write(bundle, file, folder / tower.name, tower.version, text)
    return list(towers.values())


def _write(bundle: Bundle, file: str, out: Path, version: str, text: str) -> None:
    """Write one model beside its place and move it there."""
    work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        # A server reads it as another user.
        work.chmod(0o755)
        (work / version).mkdir()
        bundle.file(file)
        for name in read_with(file, bundle.files):
            shutil.copyfile(bundle.path / name, work / version / name)
        (work / "config.pbtxt").write_text(text, "utf-8")
        work.replace(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
