"""The networks have the sizes their authors published, counted from the graphs alone and again by the package's parser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import onnx
import pytest

from stream_evo.errors import InputError
from stream_evo.problems.networks import NETWORKS
from tests.problems.conftest import Count

CONTRACT = [
    "alexnet",
    "bert_layer",
    "densenet121",
    "dmcnn_vd",
    "fsrcnn",
    "gpt2_decode",
    "gpt2_prefill",
    "inception_v1",
    "inception_v2",
    "mccnn",
    "mobilenetv2",
    "resnet18",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "tiny_yolov2",
    "vgg19",
    "vit_tiny",
    "zfnet",
]


@dataclass(frozen=True)
class Published:
    """Published parameters, and how many of them are no weights of a convolution or matrix product."""

    parameters: int
    others: int
    source: str


# torchvision 0.15+, metadata of the IMAGENET1K_V1 weights (`num_params`), unless another source is named.
PARAMETERS = {
    "resnet18": Published(11_689_512, 2 * 4_800 + 1_000, "torchvision; others: scale and bias of the normalisations, bias of fc"),
    "resnet50": Published(25_557_032, 2 * 26_560 + 1_000, "torchvision; as above"),
    "densenet121": Published(7_978_856, 2 * 41_824 + 1_000, "torchvision; as above"),
    "mobilenetv2": Published(3_504_872, 2 * 17_056 + 1_000, "torchvision; as above"),
    "squeezenet": Published(1_235_496, 3_944, "torchvision squeezenet1_1; others: biases"),
    "vgg19": Published(143_667_240, 14_696, "torchvision; others: biases"),
    "alexnet": Published(60_965_224, 10_568, "Caffe bvlc_alexnet, 60.965 M in Open Model Zoo; others: biases"),
    "inception_v1": Published(6_998_552, 8_280, "Caffe bvlc_googlenet, 6.999 M in Open Model Zoo (googlenet-v1); others: biases"),
    "inception_v2": Published(11_185_032, 9_952 + 1_000, "Open Model Zoo googlenet-v2, 11.185 M, normalisations folded; others: biases"),
    "tiny_yolov2": Published(15_867_885, 4 * 3_056 + 125, "pjreddie.com yolov2-tiny-voc.weights: 63,471,556 bytes = 4 x this + 16"),
    "bert_layer": Published(
        (109_482_240 - (30_522 + 512 + 2 + 2) * 768 - 769 * 768) // 12,  # less embeddings and their normalisation, less the pooler
        4 * 768 + 4 * 768 + 3072 + 768,
        "bert-base-uncased, 12 such layers; others: scales and biases of two normalisations, biases",
    ),
    "gpt2_prefill": Published(7_079_424, 2 * 768, "karpathy/nanoGPT transformer_sizing.ipynb, row block; others: norm scales"),
    "gpt2_decode": Published(7_079_424, 2 * 768, "as above"),
    "vit_tiny": Published(
        5_717_416,
        198 * 192 + 25 * 2 * 192 + 192 + 12 * (4 * 192 + 5 * 192) + 1000,
        "timm deit_tiny_patch16_224, 5.72 M; others: class token and positions, normalisations, biases",
    ),
}

# torchvision 0.15+, `_ops` of the IMAGENET1K_V1 weights, giga-MACs rounded to three digits.
TORCHVISION_GMACS = {"resnet18": 1.814, "resnet50": 4.089, "densenet121": 2.834, "vgg19": 19.632, "squeezenet": 0.349, "mobilenetv2": 0.301}

# KULeuven-MICAS/stream, branch Exploration @4b73270a, ONNX files in inputs/exploration: (MMACs, thousands of weights, convolutions).
EXPLORATION = {
    "resnet18": (1814.07, 11678.9, 20),
    "fsrcnn": (8290.25, 16.0, 8),
    "mobilenetv2": (300.77, 3469.8, 52),
    "squeezenet": (349.15, 1231.6, 26),
    "inception_v2": (2018.85, 11174.1, 69),
}


def test_catalogue_has_exactly_the_contracted_names() -> None:
    assert list(NETWORKS) == CONTRACT


@pytest.mark.parametrize("name", CONTRACT)
def test_model_is_valid_static_small_and_fresh(name: str, count: Count) -> None:
    model = NETWORKS[name]()
    onnx.checker.check_model(model, full_check=True)
    counts = count(model)
    assert all(extent > 0 for shape in counts.shapes.values() for extent in shape), "every shape is static"
    assert all(shape[0] == 1 for shape in counts.inputs.values()), "batch size 1"
    assert model.ByteSize() < 300_000, "no weight data"
    model.graph.ClearField("node")
    assert NETWORKS[name]().graph.node, "a caller may change its model"


@pytest.mark.parametrize("name", PARAMETERS)
def test_weights_equal_published_parameters(name: str, count: Count) -> None:
    published = PARAMETERS[name]
    assert count(NETWORKS[name]()).weights == published.parameters - published.others, published.source


@pytest.mark.parametrize("name", TORCHVISION_GMACS)
def test_macs_equal_torchvision(name: str, count: Count) -> None:
    assert count(NETWORKS[name]()).macs / 1e9 == pytest.approx(TORCHVISION_GMACS[name], abs=0.0005)


@pytest.mark.parametrize("name", EXPLORATION)
def test_counts_equal_the_exploration_study(name: str, count: Count) -> None:
    mmacs, kilo_weights, convolutions = EXPLORATION[name]
    counts = count(NETWORKS[name]())
    assert counts.macs / 1e6 == pytest.approx(mmacs, abs=0.005)
    assert counts.weights / 1e3 == pytest.approx(kilo_weights, abs=0.05)
    assert counts.operators["Conv"] == convolutions


def chain(*layers: tuple[int, int, int, int]) -> int:
    """MACs of layers (outputs, inputs per group, filter size, map size)."""
    return sum(k * c * f * f * size * size for k, c, f, size in layers)


def inception_module(size: int, inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int) -> int:
    """MACs of one row of GoogLeNet's Table 1."""
    weights = inputs * (one + reduce3 + reduce5 + pool) + 9 * reduce3 * three + 25 * reduce5 * five
    return weights * size * size


def shuffle_unit(inputs: int, outputs: int, size_in: int, size_out: int, groups: int = 4) -> int:
    """MACs of a unit without bottleneck: grouped 1x1, depthwise 3x3, grouped 1x1."""
    return outputs * ((inputs // groups) * size_in**2 + (9 + outputs // groups) * size_out**2)


def transformer_block(tokens: int, keys: int, width: int, hidden: int) -> int:
    return tokens * (4 * width * width + 2 * width * hidden + 2 * keys * width)


# By hand from the layer tables of the papers, with the map sizes that the files' unpadded poolings give.
BY_HAND = {
    # Krizhevsky et al. 2012, section 3.5, two groups in layers 2, 4, 5; the known 724 MMAC are for 227x227, maps 55-27-13, not 54-26-12
    "alexnet": chain((96, 3, 11, 54), (256, 48, 5, 26), (384, 256, 3, 12), (384, 192, 3, 12), (256, 192, 3, 12))
    + chain((4096, 256, 6, 1), (4096, 4096, 1, 1), (1000, 4096, 1, 1)),
    # Zeiler, Fergus 2014, figure 3, with 512 channels in layers 3 to 5 and a second fully connected layer of 1024
    "zfnet": chain((96, 3, 7, 109), (256, 96, 5, 25), (512, 256, 3, 12), (512, 512, 3, 12), (512, 512, 3, 12))
    + chain((4096, 512, 6, 1), (1024, 4096, 1, 1), (1000, 1024, 1, 1)),
    # Szegedy et al. 2015, Table 1
    "inception_v1": chain((64, 3, 7, 112), (64, 64, 1, 55), (192, 64, 3, 55), (1000, 1024, 1, 1))
    + inception_module(27, 192, 64, 96, 128, 16, 32, 32)
    + inception_module(27, 256, 128, 128, 192, 32, 96, 64)
    + inception_module(13, 480, 192, 96, 208, 16, 48, 64)
    + inception_module(13, 512, 160, 112, 224, 24, 64, 64)
    + inception_module(13, 512, 128, 128, 256, 24, 64, 64)
    + inception_module(13, 512, 112, 144, 288, 32, 64, 64)
    + inception_module(13, 528, 256, 160, 320, 32, 128, 128)
    + inception_module(6, 832, 256, 160, 320, 32, 128, 128)
    + inception_module(6, 832, 384, 192, 384, 48, 128, 128),
    # Zhang et al. 2018, Table 1 (g=4) at half width, without bottlenecks; a stage's first unit halves the map and concatenates its input
    "shufflenet": chain((24, 3, 3, 112), (1000, 544, 1, 1))
    + shuffle_unit(24, 112, 56, 28)
    + 3 * shuffle_unit(136, 136, 28, 28)
    + shuffle_unit(136, 136, 28, 14)
    + 7 * shuffle_unit(272, 272, 14, 14)
    + shuffle_unit(272, 272, 14, 7)
    + 3 * shuffle_unit(544, 544, 7, 7),
    # pjreddie/darknet cfg/yolov2-tiny-voc.cfg; darknet prints 6.97 BFLOPs for it
    "tiny_yolov2": chain(
        (16, 3, 3, 416), (32, 16, 3, 208), (64, 32, 3, 104), (128, 64, 3, 52), (256, 128, 3, 26), (512, 256, 3, 13), (1024, 512, 3, 13)
    )
    + chain((1024, 1024, 3, 13), (125, 1024, 1, 13)),
    # 12 of them are 22.3 GFLOPs; Sun et al., MobileBERT, ACL 2020, gives 22.5 for BERT-base at length 128
    "bert_layer": transformer_block(128, 128, 768, 3072),
    # Touvron et al. 2021, Table 1: 12 blocks of width 192 on 197 tokens; 1.3 GFLOPs where a multiply-add counts once
    "vit_tiny": 12 * transformer_block(197, 197, 192, 768) + chain((192, 3, 16, 14), (1000, 192, 1, 1)),
    # karpathy/nanoGPT transformer_sizing.ipynb, row block: 17,716,740,096 FLOPs at 1024 tokens; one token is a 1024th of it
    "gpt2_prefill": 17_716_740_096 // 2,
    "gpt2_decode": 17_716_740_096 // 2 // 1024,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_macs_equal_the_layer_table(name: str, count: Count) -> None:
    assert count(NETWORKS[name]()).macs == BY_HAND[name]


def test_published_round_figures() -> None:
    """The hand counts above agree with what the literature rounds them to."""
    assert 2 * BY_HAND["tiny_yolov2"] / 1e9 == pytest.approx(6.97, abs=0.005)
    assert 2 * 12 * BY_HAND["bert_layer"] / 1e9 == pytest.approx(22.5, rel=0.01)
    assert BY_HAND["vit_tiny"] / 1e9 == pytest.approx(1.3, abs=0.05)
    at_227 = chain((96, 3, 11, 55), (256, 48, 5, 27), (384, 256, 3, 13), (384, 192, 3, 13), (256, 192, 3, 13))
    fully_connected = chain((4096, 256, 6, 1), (4096, 4096, 1, 1), (1000, 4096, 1, 1))
    assert (at_227 + fully_connected) / 1e6 == pytest.approx(724, abs=0.5)  # Sze et al., Proc. IEEE 105(12), 2017, Table II


# KULeuven-MICAS/DeFiNES @345f8419, inputs/WL/TPU_like/workload_mccnn.py: (K, C, FY, FX, OY, OX)
MCCNN = [(64, 1, 3, 3, 1248, 382), (64, 64, 3, 3, 1246, 380), (64, 64, 3, 3, 1244, 378), (64, 64, 3, 3, 1242, 376)]
# Same repository, workload_dmcnnvd.py: columns of its 20 layers; rows are 550, 548, ..., 512
DMCNN_VD_COLUMNS = [*range(796, 766, -2), 776, 774, 772, 770, 768]
# KULeuven-MICAS/stream, branch validation @1458a26c, workload of the DepFiN script: (K, C, FY, FX) on 540x960 throughout
FSRCNN = [(56, 1, 5, 5), (12, 56, 1, 1), *[(12, 12, 3, 3)] * 4, (56, 12, 1, 1), (16, 56, 3, 3)]


def test_mccnn_has_the_layers_of_the_published_workload(count: Count) -> None:
    assert count(NETWORKS["mccnn"]()).convolutions == MCCNN


def test_fsrcnn_has_the_layers_of_the_published_workload(count: Count) -> None:
    assert count(NETWORKS["fsrcnn"]()).convolutions == [(*layer, 540, 960) for layer in FSRCNN]


def test_dmcnn_vd_has_the_layers_of_the_published_workload(count: Count) -> None:
    """All but the columns of layers 0 to 14, which the source states ten too narrow for layer 15; that is 1 % of the MACs."""
    counts = count(NETWORKS["dmcnn_vd"]())
    channels = [(64, 3)] + [(64, 64)] * 18 + [(3, 64)]
    stated = [(k, c, 3, 3, 550 - 2 * i, DMCNN_VD_COLUMNS[i]) for i, (k, c) in enumerate(channels)]
    slip = [10] * 15 + [0] * 5
    assert counts.convolutions == [(*layer[:5], layer[5] + wider) for layer, wider in zip(stated, slip, strict=True)]
    assert counts.macs / sum(math.prod(layer) for layer in stated) == pytest.approx(1.010, abs=0.0005)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18", {"Conv": 20, "Gemm": 1, "Add": 8, "MaxPool": 1, "GlobalAveragePool": 1, "BatchNormalization": 20, "Relu": 17}),
        ("mobilenetv2", {"Conv": 52, "Gemm": 1, "Add": 10, "Clip": 35, "GlobalAveragePool": 1}),
        ("inception_v2", {"Conv": 69, "Gemm": 1, "Concat": 10, "MaxPool": 5, "AveragePool": 8}),
        ("tiny_yolov2", {"Conv": 9, "MaxPool": 6, "LeakyRelu": 8}),
        ("bert_layer", {"MatMul": 8, "Softmax": 1, "LayerNormalization": 2, "Erf": 1}),
        ("vit_tiny", {"MatMul": 12 * 6, "Softmax": 12, "ReduceMean": 25 * 2, "Erf": 12, "LayerNormalization": 0}),
        ("gpt2_prefill", {"Gemm": 4, "MatMul": 2, "Softmax": 1, "LayerNormalization": 2, "Tanh": 1, "Trilu": 1}),
        ("gpt2_decode", {"Gemm": 4, "MatMul": 2, "Softmax": 1, "LayerNormalization": 2, "Tanh": 1, "Concat": 2}),
    ],
)
def test_operators(name: str, expected: dict[str, int], count: Count) -> None:
    operators = count(NETWORKS[name]()).operators
    assert {operator: operators[operator] for operator in expected} == expected


def test_decoding_reads_and_extends_the_cache(count: Count) -> None:
    model = NETWORKS["gpt2_decode"]()
    counts = count(model)
    assert counts.inputs == {"hidden_states": (1, 1, 768), "past_key": (1, 12, 1023, 64), "past_value": (1, 12, 1023, 64)}
    assert [counts.shapes[value.name] for value in model.graph.output] == [(1, 1, 768), (1, 12, 1024, 64), (1, 12, 1024, 64)]


@pytest.mark.parametrize("name", NETWORKS)
def test_nodes_have_names_of_their_own(name: str) -> None:
    names = [node.name for node in NETWORKS[name]().graph.node]
    assert all(names)
    assert len(set(names)) == len(names)


def test_shipped_topologies_are_named_but_not_changed() -> None:
    model = NETWORKS["resnet50"]()
    names = [node.name for node in model.graph.node if node.op_type != "ConstantOfShape"]
    assert names[:6] == ["conv1", "res_conv1_bn", "Relu_1", "MaxPool_1", "res2_0_branch2a", "res2_0_branch2a_bn"]
    file = resources.files("onnx").joinpath("backend", "test", "data", "light", "light_resnet50.onnx")
    original = onnx.load_model_from_string(file.read_bytes())
    for node in [*model.graph.node, *original.graph.node]:
        node.ClearField("name")
    assert model == original


def test_an_installation_without_the_topologies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "files", lambda package: tmp_path / package)
    with pytest.raises(InputError, match="force-reinstall onnx"):
        NETWORKS["vgg19"]()
