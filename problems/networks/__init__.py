"""Ready networks as ONNX models without weight data.

A builder takes no arguments and returns a fresh ``onnx.ModelProto`` of batch size 1 that passes the ONNX checker and strict shape
inference. ``NETWORKS`` is the catalogue that the command line and ``stream_evo.registry`` read; the figures of every network stand
in ``problems/README.md``.

Image classification:
    alexnet, densenet121, inception_v1, inception_v2, mobilenetv2, resnet18, resnet50, shufflenet, squeezenet, vgg19, vit_tiny, zfnet.
Object detection:
    tiny_yolov2.
Pixel processing:
    dmcnn_vd, fsrcnn, mccnn.
Language:
    bert_layer, gpt2_decode, gpt2_prefill.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import onnx

from stream_evo.problems.networks._bert import bert_layer
from stream_evo.problems.networks._gpt2 import gpt2_decode, gpt2_prefill
from stream_evo.problems.networks._light import (
    alexnet,
    densenet121,
    inception_v1,
    inception_v2,
    resnet50,
    shufflenet,
    squeezenet,
    vgg19,
    zfnet,
)
from stream_evo.problems.networks._mobilenet import mobilenetv2
from stream_evo.problems.networks._pixel import dmcnn_vd, fsrcnn, mccnn
from stream_evo.problems.networks._resnet import resnet18
from stream_evo.problems.networks._vit import vit_tiny
from stream_evo.problems.networks._yolo import tiny_yolov2

__all__ = ["NETWORKS"]

NETWORKS: Mapping[str, Callable[[], onnx.ModelProto]] = MappingProxyType(
    {
        "alexnet": alexnet,
        "bert_layer": bert_layer,
        "densenet121": densenet121,
        "dmcnn_vd": dmcnn_vd,
        "fsrcnn": fsrcnn,
        "gpt2_decode": gpt2_decode,
        "gpt2_prefill": gpt2_prefill,
        "inception_v1": inception_v1,
        "inception_v2": inception_v2,
        "mccnn": mccnn,
        "mobilenetv2": mobilenetv2,
        "resnet18": resnet18,
        "resnet50": resnet50,
        "shufflenet": shufflenet,
        "squeezenet": squeezenet,
        "tiny_yolov2": tiny_yolov2,
        "vgg19": vgg19,
        "vit_tiny": vit_tiny,
        "zfnet": zfnet,
    }
)
