"""Models in a data folder, made in no time: the demo's bundle under another name."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import clipseek
from clipseek.embedding import bundle as bundles
from clipseek.embedding import models
from clipseek.embedding.bundle import Manifest

DEMO = Path(clipseek.__file__).parent / "demo" / "model"


def install(data_dir: Path, name: str, **said: Any) -> None:
    """Put a copy of the demo's bundle into a data folder, under a name and with other fields.

    With another `mean` it gives other vectors, because it sees other pictures.
    """
    demo = bundles.peek(DEMO)
    fields = {each.name: getattr(demo, each.name) for each in dataclasses.fields(Manifest)}
    manifest = Manifest(**{**fields, "name": name, **said})

    def fill(folder: Path) -> None:
        for file in demo.files:
            shutil.copyfile(DEMO / file, folder / file)

    bundles.write(models.bundle_folder(data_dir, name), manifest, fill)
