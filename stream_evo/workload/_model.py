"""ONNX models as they are read: files, what must be there at all, functions inlined."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnx.external_data_helper
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

from stream_evo.errors import Fault, InputError

__all__ = ["SHORT", "check_model", "expanded", "read_file", "read_short_tensors"]

SHORT: Final = 256
"""Most elements of a vector that may state a shape, pads, repeats or the sizes of a split."""

_OLDEST_OPSET = 7
_DEFINED_BY_OTHERS = frozenset({"Attention", "CausalConvWithState", "SwiGLU"})


def expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Inline the file's own functions, and operators that ONNX defines by way of simpler ones and we have no parser for."""
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    found = {node.op_type for node in model.graph.node if node.domain in ("", "ai.onnx") and node.op_type in _DEFINED_BY_OTHERS}
    if not found:
        return model
    try:
        return onnx.inliner.inline_selected_functions(model, [("", name) for name in sorted(found)], inline_schema_functions=True)
    except (TypeError, RuntimeError):  # older onnx cannot; the operators are then reported as unsupported
        return model


def read_file(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise InputError(str(path), [Fault(f"the file cannot be read: {error.strerror or error}", expected="an ONNX file")]) from error
    except (DecodeError, ValueError, UnicodeDecodeError) as error:
        hint = "Export the network again; a download may have been cut short, or be a Git LFS pointer"
        raise InputError(str(path), [Fault("the file is truncated or not an ONNX model", expected="an ONNX model", hint=hint)]) from error


def read_short_tensors(model: onnx.ModelProto, folder: Path) -> None:
    """Fetch short vectors that are stored in another file, as they may say how large a tensor is; those that cannot be read stay out."""
    for item in model.graph.initializer:
        if item.data_location == onnx.TensorProto.EXTERNAL and len(item.dims) < 2 and int(np.prod(item.dims, dtype=np.int64)) <= SHORT:
            try:
                onnx.external_data_helper.load_external_data_for_tensor(item, str(folder))
            except (OSError, ValueError, onnx.checker.ValidationError):
                continue
            item.data_location = onnx.TensorProto.DEFAULT


def check_model(model: onnx.ModelProto, label: str) -> None:
    if not _is_text(model.graph):
        raise InputError(label, [Fault("the file is damaged: names in it are not text", expected="an ONNX model")])
    if not model.graph.node:
        raise InputError(label, [Fault("the file holds no network", expected="an ONNX model with at least one node")])
    if not model.graph.output:
        raise InputError(label, [Fault("the graph has no outputs", "graph.output", expected="at least one output")])
    version = next((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), None)
    if version is None and any(node.domain in ("", "ai.onnx") for node in model.graph.node):
        raise InputError(label, [Fault("the file does not say which operator set it uses", "opset_import")])
    if version is not None and version < _OLDEST_OPSET:
        hint = "Convert it with onnx.version_converter.convert_version"
        raise InputError(label, [Fault("the operator set is too old", "opset_import", 0, f"at least {_OLDEST_OPSET}", str(version), hint)])


def _is_text(graph: onnx.GraphProto) -> bool:
    """Return True if all names are strings; protobuf hands out bytes where a file holds broken UTF-8."""
    names = [name for node in graph.node for name in (node.name, node.op_type, node.domain, *node.input, *node.output)]
    names += [attribute.name for node in graph.node for attribute in node.attribute]
    names += [item.name for item in (*graph.input, *graph.output, *graph.value_info, *graph.initializer)]
    return all(isinstance(name, str) for name in names)
