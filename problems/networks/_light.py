"""Topologies without weights that ship inside the ``onnx`` package, made from the ONNX model zoo's Caffe2 exports of 2017.

Their nodes are only numbered; here they get the names that their weights still carry, so that a layer table says ``res2_0_branch2a``
and not ``n4``. Nothing else is changed.
"""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources
from typing import Final

import onnx

from stream_evo.errors import Fault, InputError

__all__ = ["alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet"]


def alexnet() -> onnx.ModelProto:
    """Return AlexNet (Krizhevsky, Sutskever, Hinton, NeurIPS 2012) in BVLC's single-tower form, on a 224x224 image."""
    return _load("bvlc_alexnet")


def densenet121() -> onnx.ModelProto:
    """Return DenseNet-121 (Huang, Liu, van der Maaten, Weinberger, CVPR 2017)."""
    return _load("densenet121")


def inception_v1() -> onnx.ModelProto:
    """Return Inception v1, GoogLeNet (Szegedy et al., CVPR 2015)."""
    return _load("inception_v1")


def inception_v2() -> onnx.ModelProto:
    """Return Inception v2, Inception with batch normalisation (Ioffe, Szegedy, ICML 2015)."""
    return _load("inception_v2")


def resnet50() -> onnx.ModelProto:
    """Return ResNet-50 (He, Zhang, Ren, Sun, CVPR 2016) with the stride on the 3x3 convolution."""
    return _load("resnet50")


def shufflenet() -> onnx.ModelProto:
    """Return ShuffleNet v1 with four groups (Zhang, Zhou, Lin, Sun, CVPR 2018)."""
    return _load("shufflenet")


def squeezenet() -> onnx.ModelProto:
    """Return SqueezeNet 1.1 (Iandola et al., arXiv:1602.07360, and its authors' later release)."""
    return _load("squeezenet")


def vgg19() -> onnx.ModelProto:
    """Return VGG-19 (Simonyan, Zisserman, ICLR 2015, configuration E)."""
    return _load("vgg19")


def zfnet() -> onnx.ModelProto:
    """Return ZFNet-512 (Zeiler, Fergus, ECCV 2014, the variant with 512 channels in layers 3 to 5)."""
    return _load("zfnet512")


_OF_LAYER: Final = re.compile(r"(?:gpu_0/)?(?P<layer>.+)_(?:w|b|s|scale)_0")  # Caffe2's name of a weight, bias or scale


def _load(stem: str) -> onnx.ModelProto:
    """Return a shipped topology with named nodes.

    Raises:
        InputError: the installed ``onnx`` comes without its test data, as some distributions strip it.
    """
    file = resources.files("onnx").joinpath("backend", "test", "data", "light", f"light_{stem}.onnx")
    try:
        model = onnx.load_model_from_string(file.read_bytes())
    except FileNotFoundError as error:
        hint = "Install onnx from the Python package index: python -m pip install --force-reinstall onnx"
        raise InputError(str(file), [Fault("this topology is missing from the installed onnx package", hint=hint)]) from error
    seen: Counter[str] = Counter()
    for node in model.graph.node:
        weights = (_OF_LAYER.fullmatch(name) for name in node.input) if node.op_type in ("Conv", "Gemm", "BatchNormalization") else ()
        name = next((match["layer"] for match in weights if match), node.op_type)
        seen[name] += 1
        node.name = name if name != node.op_type and seen[name] == 1 else f"{name}_{seen[name]}"
    return model
