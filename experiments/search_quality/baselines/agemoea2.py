"""pymoo's AGE-MOEA-2 with generic operators."""

from __future__ import annotations

from contender import Contender

from stream_evo.search import find_engine

CONTENDER = Contender("agemoea2", "AGE-MOEA-2, generic", find_engine("pymoo:AGEMOEA2"))
