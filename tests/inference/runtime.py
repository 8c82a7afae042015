"""A model of MLServer that runs an ONNX file; imported in the environment of MLServer."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):  # type: ignore[misc]  # mlserver is in an environment of its own
    """Runs the file that `parameters.uri` names, with as many threads as the tests use."""

    async def load(self) -> bool:
        """Read the file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer with the output "vectors"."""
        (taken,) = payload.inputs
        rows = NumpyCodec.decode_input(taken)
        (found,) = self._session.run(["vectors"], {taken.name: rows})
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output("vectors", found)],
        )
