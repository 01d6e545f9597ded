"""Settings of a run as they are given from Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stream_evo._arguments import Reader, read_arguments
from stream_evo._run._job import LOWEST, objective_faults, out_of_range
from stream_evo.errors import InputError

__all__ = ["check_settings"]


def check_settings(source: str, given: Mapping[str, object], readers: Mapping[str, Reader] | None = None) -> dict[str, Any]:
    """Return the settings of a run as plain values, by name.

    Args:
        source: What they are given to, for messages.
        given: Name -> value.
        readers: Readers in place of the usual ones.

    Raises:
        InputError: some are of a wrong type; all of these, and all that is out of range beside them, are listed.
    """
    values, faults = read_arguments(given, readers)
    if not faults:
        return values
    limits = values.get("limits", {})
    integers = {name: values[name] for name in LOWEST if name in values}
    faults += out_of_range(integers, values.get("time_limit_s"), limits)
    faults += objective_faults(values.get("objectives", ()), limits)
    order = list(given)
    raise InputError(source, sorted(faults, key=lambda fault: order.index(re.split(r"[.\[]", fault.path)[0])))
