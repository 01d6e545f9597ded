"""MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, Table 2."""

from __future__ import annotations

import onnx

from stream_evo.problems.networks._graph import Graph

__all__ = ["mobilenetv2"]

# (expansion t, output channels c, repetitions n, stride of the first s)
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenetv2() -> onnx.ModelProto:
    """Return MobileNetV2 of width 1.0 on a 224x224 image: 52 convolutions, 10 additions, 1 fully connected layer.

    The normalisations are folded into the convolutions' biases, as exporters do in inference mode, and ReLU6 is a Clip. 300.77 MMAC and
    3,469,760 weights without biases.
    """
    graph = Graph("mobilenetv2")
    bounds = (graph.tensor("relu6.min", 0.0), graph.tensor("relu6.max", 6.0))

    def clipped(x: str) -> str:
        return graph.node("Clip", [x, *bounds], name=f"{x}.relu6")

    x = clipped(graph.conv(graph.input("image", [1, 3, 224, 224]), "conv1", channels=(3, 32), kernel=3, stride=2))
    channels = 32
    for stage, (expansion, width, repetitions, first_stride) in enumerate(_STAGES, start=1):
        for block in range(repetitions):
            name = f"block{stage}.{block}"
            stride = first_stride if block == 0 else 1
            hidden = expansion * channels
            y = x if expansion == 1 else clipped(graph.conv(x, f"{name}.expand", channels=(channels, hidden), kernel=1))
            y = clipped(graph.conv(y, f"{name}.depthwise", channels=(hidden, hidden), kernel=3, stride=stride, groups=hidden))
            y = graph.conv(y, f"{name}.project", channels=(hidden, width), kernel=1)
            x = graph.node("Add", [x, y], name=f"{name}.add") if stride == 1 and channels == width else y
            channels = width
    x = clipped(graph.conv(x, "conv2", channels=(channels, 1280), kernel=1))
    x = graph.node("GlobalAveragePool", [x], name="avgpool")
    x = graph.node("Flatten", [x], name="flatten", axis=1)
    return graph.model(graph.gemm(x, "classifier", (1280, 1000)))
