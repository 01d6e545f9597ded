"""pymoo's SMS-EMOA with generic operators."""

from __future__ import annotations

from contender import Contender

from stream_evo.search import find_engine

CONTENDER = Contender("smsemoa", "SMS-EMOA, generic", find_engine("pymoo:SMSEMOA"))
