"""ResNet-18: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, Table 1."""

from __future__ import annotations

import onnx

from stream_evo.problems.networks._graph import Graph

__all__ = ["resnet18"]

_STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # (channels, stride of the first block)
_BLOCKS_PER_STAGE = 2


def resnet18() -> onnx.ModelProto:
    """Return ResNet-18 on a 224x224 image: 20 convolutions, 8 additions, 2 poolings, 1 fully connected layer.

    1814.07 MMAC and 11,678,912 weights without biases and normalisation.
    """
    graph = Graph("resnet18")
    x = _conv_norm(graph, graph.input("image", [1, 3, 224, 224]), "conv1", (3, 64), kernel=7, stride=2)
    x = graph.node("Relu", [x], name="relu1")
    x = graph.node("MaxPool", [x], name="maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, (width, first_stride) in enumerate(_STAGES, start=1):
        for block in range(_BLOCKS_PER_STAGE):
            stride = first_stride if block == 0 else 1
            x = _basic_block(graph, x, f"layer{stage}.{block}", (channels, width), stride)
            channels = width
    x = graph.node("GlobalAveragePool", [x], name="avgpool")
    x = graph.node("Flatten", [x], name="flatten", axis=1)
    return graph.model(graph.gemm(x, "fc", (512, 1000)))


def _basic_block(graph: Graph, x: str, name: str, channels: tuple[int, int], stride: int) -> str:
    """Two 3x3 convolutions beside a skip connection, which is a strided 1x1 convolution where the shape changes (option B)."""
    width = channels[1]
    y = _conv_norm(graph, x, f"{name}.conv1", channels, kernel=3, stride=stride)
    y = graph.node("Relu", [y], name=f"{name}.relu1")
    y = _conv_norm(graph, y, f"{name}.conv2", (width, width), kernel=3, stride=1)
    skip = x
    if stride != 1 or channels[0] != width:
        skip = _conv_norm(graph, x, f"{name}.downsample", channels, kernel=1, stride=stride)
    y = graph.node("Add", [y, skip], name=f"{name}.add")
    return graph.node("Relu", [y], name=f"{name}.relu2")


def _conv_norm(graph: Graph, x: str, name: str, channels: tuple[int, int], *, kernel: int, stride: int) -> str:
    y = graph.conv(x, name, channels=channels, kernel=kernel, stride=stride, bias=False)
    return graph.batch_normalization(y, f"{name}.norm", channels[1])
