"""pymoo's NSGA-II with uniform sampling, uniform crossover and random reset: what one gets without knowing the problem."""

from __future__ import annotations

from contender import Contender

from stream_evo.search import find_engine

CONTENDER = Contender("generic_nsga2", "NSGA-II, generic", find_engine("pymoo:NSGA2"))
