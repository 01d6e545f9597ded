"""The problems that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from stream_evo.problems._best_known import best_known
from stream_evo.problems._problem import Problem

__all__ = ["PROBLEMS"]

_NETWORKS: Final = {
    "bert_layer": "one BERT-base encoder layer: matrix products with activations on both sides, softmax and normalisation barriers",
    "fsrcnn": "super-resolution on 540x960 pixels: 16 thousand weights, maps of 29 million elements; only fusion keeps them on chip",
    "inception_v2": "wide branches that join in concatenations: many layers can run at the same time",
    "mobilenetv2": "inverted residuals: depthwise layers with little reuse between wide pointwise ones",
    "resnet18": "residual blocks: activations dominate the first stages, weights the last; skip connections stay alive across a stack",
    "squeezenet": "fire modules: small weights, two parallel expansions, activations that shrink early",
}
_CHIPS: Final = {
    "hetero_quad": ("heterogeneous_quad", "four cores of three kinds"),
    "homo_quad": ("homogeneous_quad", "four equal cores"),
}


def _problem(network: str, chip: str) -> Problem:
    hardware, cores = _CHIPS[chip]
    name = f"{network}_{chip}"
    return Problem(name, network, hardware, description=f"{_NETWORKS[network]}; on {cores}", best_known=best_known(name))


PROBLEMS: Mapping[str, Problem] = MappingProxyType(
    {problem.name: problem for problem in (_problem(network, chip) for network in _NETWORKS for chip in _CHIPS)}
)
"""Name -> problem, named network_chip."""
