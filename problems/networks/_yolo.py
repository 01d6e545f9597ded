"""Tiny YOLOv2: Redmon, Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017.

Layer table: pjreddie/darknet, ``cfg/yolov2-tiny-voc.cfg``.
"""

from __future__ import annotations

import onnx

from stream_evo.problems.networks._graph import Graph

__all__ = ["tiny_yolov2"]

_CHANNELS = (16, 32, 64, 128, 256, 512, 1024, 1024)
_POOLED_BY_TWO = 5  # the sixth pooling has stride 1, the last two layers none
_ANCHORS, _CLASSES, _BOX = 5, 20, 5


def tiny_yolov2() -> onnx.ModelProto:
    """Return Tiny YOLOv2 for the 20 classes of Pascal VOC on a 416x416 image: 9 convolutions, 6 poolings.

    3485.52 MMAC and 15,855,536 weights without biases and normalisation.
    """
    graph = Graph("tiny_yolov2")
    x = graph.input("image", [1, 3, 416, 416])
    channels = 3
    for index, width in enumerate(_CHANNELS, start=1):
        x = graph.conv(x, f"conv{index}", channels=(channels, width), kernel=3, bias=False)
        x = graph.batch_normalization(x, f"conv{index}.norm", width)
        x = graph.node("LeakyRelu", [x], name=f"conv{index}.leaky", alpha=0.1)
        if index <= _POOLED_BY_TWO + 1:
            stride = 2 if index <= _POOLED_BY_TWO else 1
            x = graph.node("MaxPool", [x], name=f"pool{index}", kernel_shape=[2, 2], strides=[stride, stride], auto_pad="SAME_UPPER")
        channels = width
    return graph.model(graph.conv(x, "conv9", channels=(channels, _ANCHORS * (_CLASSES + _BOX)), kernel=1))
