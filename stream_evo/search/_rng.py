"""State of a random generator as plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["restore_rng", "rng_state"]


def rng_state(rng: np.random.Generator) -> dict[str, Any]:
    """Return the state of the generator; integers, strings and dictionaries only for NumPy's default generator (PCG64)."""
    return dict(rng.bit_generator.state)


def restore_rng(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Put the generator into `state`.

    Raises:
        ValueError: The state belongs to another kind of generator.
    """
    rng.bit_generator.state = state
