"""Pixel-processing networks on large images: FSRCNN, MC-CNN and DMCNN-VD.

Their activations are hundreds of times larger than their weights, which is why the depth-first literature uses them. Layer tables:
DeFiNES (Mei, Goetschalckx, Symons, Verhelst, HPCA 2023), KULeuven-MICAS/DeFiNES @345f8419, files
``inputs/WL/TPU_like/workload_{fsrcnn,mccnn,dmcnnvd}.py``; FSRCNN in the form of KULeuven-MICAS/stream, branch Exploration @4b73270a,
which keeps the image size in every layer.
"""

from __future__ import annotations

import onnx

from stream_evo.problems.networks._graph import Graph

__all__ = ["dmcnn_vd", "fsrcnn", "mccnn"]

_DMCNN_VD_LAYERS = 20
_MCCNN_LAYERS = 4


def fsrcnn() -> onnx.ModelProto:
    """Return FSRCNN(56, 12, 4) on a 540x960 luminance image: a chain of 8 convolutions.

    Dong, Loy, Tang, "Accelerating the Super-Resolution Convolutional Neural Network", ECCV 2016. The last layer, there a 9x9 transposed
    convolution, is as in the cited workloads a 3x3 convolution to the 4x4 sub-pixels of a fourfold upscaling. 8290.25 MMAC and 15,992
    weights; feature maps of up to 29.0 million elements.
    """
    graph = Graph("fsrcnn")
    x = graph.input("luminance", [1, 1, 540, 960])
    parts = [("extract", (1, 56), 5), ("shrink", (56, 12), 1)]
    parts += [(f"map{i}", (12, 12), 3) for i in range(4)]
    parts += [("expand", (12, 56), 1)]
    for name, channels, kernel in parts:
        x = graph.conv(x, name, channels=channels, kernel=kernel)
        x = graph.node("PRelu", [x, graph.weight(f"{name}.slope", [channels[1], 1, 1], 0.25)], name=f"{name}.prelu")
    return graph.model(graph.conv(x, "subpixel", channels=(56, 16), kernel=3))


def mccnn() -> onnx.ModelProto:
    """Return the feature extractor of MC-CNN fast, one branch: a chain of 4 unpadded 3x3 convolutions with 64 channels.

    Zbontar, LeCun, "Stereo Matching by Training a Convolutional Neural Network to Compare Image Patches", JMLR 17, 2016, section 3.1.
    The features of a KITTI image of 1242 x 376 pixels leave the network; its long side lies along the rows, as in the cited table.
    52.28 GMAC and 111,168 weights.
    """
    graph = Graph("mccnn")
    border = 2 * _MCCNN_LAYERS  # every unpadded 3x3 convolution takes two rows and two columns
    x = graph.input("image", [1, 1, 1242 + border, 376 + border])
    for layer in range(_MCCNN_LAYERS):
        x = graph.conv(x, f"conv{layer}", channels=(1 if layer == 0 else 64, 64), kernel=3, padding=0)
        if layer < _MCCNN_LAYERS - 1:  # the last one has no activation: similarity is a dot product of signed features
            x = graph.node("Relu", [x], name=f"relu{layer}")
    return graph.model(x)


def dmcnn_vd() -> onnx.ModelProto:
    """Return DMCNN-VD: a chain of 20 unpadded 3x3 convolutions with 64 channels that ends in a 512x768 colour image.

    Syu, Chen, Chuang, "Learning Deep Convolutional Networks for Demosaicing", arXiv:1802.03769. Normalisations are folded. In the cited
    table the first 15 layers are ten columns too narrow to feed the 16th (768 columns before 776); here the shapes chain, from a
    552x808 input. 278.81 GMAC and 667,008 weights.
    """
    graph = Graph("dmcnn_vd")
    border = 2 * _DMCNN_VD_LAYERS
    x = graph.input("mosaic", [1, 3, 512 + border, 768 + border])
    for layer in range(_DMCNN_VD_LAYERS):
        last = layer == _DMCNN_VD_LAYERS - 1
        x = graph.conv(x, f"conv{layer}", channels=(3 if layer == 0 else 64, 3 if last else 64), kernel=3, padding=0)
        if not last:
            x = graph.node("Selu", [x], name=f"selu{layer}")
    return graph.model(x)
