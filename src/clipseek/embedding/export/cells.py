"""Patch vectors of a convolutional tower whose vector is a sum over the cells of its last map.

What a cell adds to the vector is its patch vector, as in class activation maps (Zhou et al.,
"Learning Deep Features for Discriminative Localization", CVPR 2016). The cells are coarse, so the
tower sees the picture several times, shifted by a part of a cell, and the maps are interlaced
("shift-and-stitch": Sermanet et al., "OverFeat", ICLR 2014).
"""

from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

_SHIFTS = 4
"""Shifts across and down: of the demo model's 4 x 4 cells they make 16 x 16 patches."""


def stitched(visual: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the graph from "pixels" to "patches", or None if the tower is of another kind.

    "patches" is float32 (N, R, C, dim). Of the patches that one shift made, the sum is the vector
    of the picture that was shifted so, its edges repeated.
    """
    nodes = list(visual.graph.node)
    weights = {each.name: each for each in visual.graph.initializer}
    if [node.op_type for node in nodes[-2:]] != ["Flatten", "MatMul"]:
        return None
    flatten, product = nodes[-2:]
    side = visual.graph.input[0].type.tensor_type.shape.dim[2].dim_value
    weight = numpy_helper.to_array(weights[product.input[1]])
    cells = _cells(visual, flatten.input[0], side)
    if cells is None:
        return None
    stride = side // cells
    made = _Made()
    before = made.shifted(side, stride)
    made.nodes += [_renamed(node, {"pixels": before}) for node in nodes[:-2]]
    made.summands(flatten.input[0], product.input[1], cells, *weight.shape)
    rows = cells * _SHIFTS
    graph = helper.make_graph(
        made.nodes,
        "patches",
        [visual.graph.input[0]],
        [
            helper.make_tensor_value_info(
                "patches", onnx.TensorProto.FLOAT, ["N", rows, rows, weight.shape[1]]
            )
        ],
        [*visual.graph.initializer, *made.constants],
    )
    model = helper.make_model(graph, opset_imports=list(visual.opset_import))
    model.ir_version = visual.ir_version
    onnx.checker.check_model(model)
    return model


def _cells(visual: onnx.ModelProto, name: str, side: int) -> int | None:
    """Return how many cells a side has; None unless they are squares of the picture."""
    known = onnx.shape_inference.infer_shapes(visual, strict_mode=True).graph.value_info
    for each in known:
        if each.name == name:
            sizes = [dim.dim_value for dim in each.type.tensor_type.shape.dim[2:]]
            if len(sizes) == 2 and sizes[0] == sizes[1] > 0 and side % (sizes[0] * _SHIFTS) == 0:
                return int(sizes[0])
    return None


def _renamed(node: NodeProto, names: dict[str, str]) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    for place, name in enumerate(copy.input):
        copy.input[place] = names.get(name, name)
    return copy


class _Made:
    """Nodes that are added, and the constants that they take."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def shifted(self, side: int, stride: int) -> str:
        """Put a picture into the batch once for each shift: (shifts down x across x N, 3, S, S).

        The middle of a patch is then the middle of its square of the picture.
        """
        step = stride // _SHIFTS
        edge = (stride - step) // 2
        pads = [0, 0, edge, edge, 0, 0, edge, edge]
        wide = self._add("Pad", "pixels", self._constant(pads), mode="edge")
        seen = []
        for down in range(0, stride, step):
            for across in range(0, stride, step):
                starts = self._constant([down, across])
                ends = self._constant([down + side, across + side])
                seen.append(self._add("Slice", wide, starts, ends, self._constant([2, 3])))
        return self._add("Concat", *seen, axis=0)

    def summands(self, cells_of: str, weight: str, cells: int, length: int, dim: int) -> None:
        """Project each cell with its own weights, and interlace the maps of the shifts."""
        features = length // cells**2
        each = self._add("Transpose", cells_of, perm=[2, 3, 0, 1])
        each = self._add("Reshape", each, self._constant([cells**2, -1, features]))
        own = self._add("Reshape", weight, self._constant([features, cells**2, dim]))
        own = self._add("Transpose", own, perm=[1, 0, 2])
        found = self._add("MatMul", each, own)
        apart = [cells, cells, _SHIFTS, _SHIFTS, -1, dim]
        found = self._add("Reshape", found, self._constant(apart))
        found = self._add("Transpose", found, perm=[4, 0, 2, 1, 3, 5])
        rows = cells * _SHIFTS
        self._add("Reshape", found, self._constant([-1, rows, rows, dim]), out="patches")

    def _add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        name = out or f"patches/{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, values: list[int]) -> str:
        name = f"patches/ints_{'_'.join(map(str, values))}"
        if all(each.name != name for each in self.constants):
            self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name
