"""Print a config.pbtxt as JSON, by Triton's own message; run in the environment of MLServer."""

import sys
from pathlib import Path

from google.protobuf import json_format, text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

print(json_format.MessageToJson(text_format.Parse(Path(sys.argv[1]).read_text(), ModelConfig())))
