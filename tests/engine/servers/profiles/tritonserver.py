#!/opt/server/bin/python
"""`tritonserver --model-repository=FOLDER --grpc-port=N` by MLServer, on the CPU.

It reads the repository that `indexer models export --triton` writes, by Triton's own definition.
"""

import json
import os
import shutil
from argparse import ArgumentParser
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

HOME = Path("/opt/server")
PLACE = Path("/tmp/models")  # noqa: S108  a path in a container
options = ArgumentParser(prog="tritonserver")
options.add_argument("--model-repository", type=Path, required=True)
options.add_argument("--grpc-port", type=int, required=True)
given = options.parse_args()
shutil.rmtree(PLACE, ignore_errors=True)
for file in given.model_repository.glob("*/config.pbtxt"):
    said = text_format.Parse(file.read_text("utf-8"), ModelConfig())
    (version,) = said.version_policy.specific.versions
    tensors = [
        [
            {
                "name": each.name,
                "datatype": {11: "FP32", 9: "INT64"}[each.data_type],
                "shape": [-1, *each.dims],
            }
            for each in side
        ]
        for side in (said.input, said.output)
    ]
    uri = str(file.parent / str(version) / said.default_model_filename)
    folder = PLACE / said.name
    folder.mkdir(parents=True)
    settings = {
        "name": said.name,
        "implementation": "runtime.OnnxModel",
        "inputs": tensors[0],
        "outputs": tensors[1],
        "parameters": {"uri": uri, "version": str(version)},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings), "utf-8")
settings = {
    "host": "0.0.0.0",  # noqa: S104  a container of the tests
    "http_port": 8000,
    "grpc_port": given.grpc_port,
    "metrics_port": 8002,
    "metrics_dir": "/tmp/metrics",  # noqa: S108  a path in a container
    "parallel_workers": 0,
    "grpc_max_message_length": 64 << 20,
}
(PLACE / "settings.json").write_text(json.dumps(settings), "utf-8")
shutil.copy(HOME / "runtime.py", PLACE)
os.chdir(PLACE)
python = str(HOME / "bin" / "python")
os.execv(python, [python, str(HOME / "bin" / "mlserver"), "start", "."])  # noqa: S606
