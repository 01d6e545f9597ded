"""The example in the README is a pair of files that load."""

from __future__ import annotations

import re
from pathlib import Path

from stream_evo.hardware import load_accelerator
from stream_evo.workload import OperatorKind


def test_the_example_loads_and_is_what_its_comments_say(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "stream_evo" / "hardware" / "README.md").read_text()
    core, chip = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "tiny_core.yaml").write_text(core)
    (tmp_path / "chip.yaml").write_text(chip)
    accelerator = load_accelerator(tmp_path / "chip.yaml")
    assert accelerator.cores[0].core.processing_elements == 32
    assert {kind for slot in accelerator.cores for kind in slot.core.operators} == set(OperatorKind)
    assert len(accelerator.links) == 8 + 4 + 1 + 2
