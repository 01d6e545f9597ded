"""Random search: every gene uniform, nothing learnt."""

from __future__ import annotations

from contender import Contender

from stream_evo.search import find_engine

CONTENDER = Contender("random", "random search", find_engine("random"))
