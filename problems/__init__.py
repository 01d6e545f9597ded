"""Ready problems: a network, an accelerator, what to minimise, and what is known about the answer.

Values:
    Problem, RunSettings, BestKnown: a problem, how it is searched, the best known front.
    OBJECTIVES: what can be minimised.
Catalogue and files:
    PROBLEMS: the problems that come with the package.
    best_front, BestFront: the points of their best known fronts.
    load_problem: reads a problem file.

The networks themselves are in ``stream_evo.problems.networks``.
"""

from stream_evo._run._job import OBJECTIVES
from stream_evo.problems._best_known import BestFront, best_front
from stream_evo.problems._catalogue import PROBLEMS
from stream_evo.problems._problem import BestKnown, Problem, RunSettings
from stream_evo.problems._yaml import load_problem

__all__ = ["OBJECTIVES", "PROBLEMS", "BestFront", "BestKnown", "Problem", "RunSettings", "best_front", "load_problem"]
