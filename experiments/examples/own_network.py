"""An own network: an ONNX model, what the program makes of it, and its front.

python experiments/examples/own_network.py                   # a small model made here
python experiments/examples/own_network.py --model mine.onnx # one of your own, e.g. from torch.onnx.export
"""

import argparse
from pathlib import Path

import onnx
from onnx import TensorProto, helper

import stream_evo

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", type=Path)
parser.add_argument("--population", type=int, default=50)
parser.add_argument("--generations", type=int, default=20)
arguments = parser.parse_args()


def small_model() -> onnx.ModelProto:
    """Return two convolutions with a skip connection; the weights need shapes, not values."""
    shapes = {"image": [1, 3, 64, 64], "w1": [16, 3, 3, 3], "w2": [16, 16, 3, 3]}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], name="stem", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Conv", ["b", "w2"], ["c"], name="body", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["b", "c"], ["sum"], name="skip"),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    outputs = [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 16, 64, 64])]
    return helper.make_model(helper.make_graph(nodes, "two_convolutions", inputs, outputs))


model = arguments.model if arguments.model is not None else small_model()

# Which nodes became layers, which were folded into others, and what is not supported?
facts = stream_evo.inspect(model)
print(facts["name"], facts["totals"], facts["operators"])
for layer in facts["layers"]:
    print(
        f"{layer['name']}: {layer['operator']}, {layer['macs']:,} MACs, reads {', '.join(layer['predecessors'])}, folds {layer['folded']}"
    )

# Precisions come from the graph (float32 counts as 8 bits); `bits` overrides them, e.g. for a quantised deployment.
for bits in (None, "I=4 W=4 O=12 O_final=4"):
    result = stream_evo.optimize(
        model, "homogeneous_quad", bits=bits, population=arguments.population, generations=arguments.generations, seed=1
    )
    least = result.front["energy_pj"].min()
    print(f"{bits or 'as in the graph'}: {len(result)} points, least energy {least / 1e6:,.1f} uJ")
