"""Why a mapping has the numbers it has, and what would make one fit that does not.

Explaining:
    explain_mapping, Explanation: all of it for one mapping.
    Explainer: the same for many mappings of one network on one chip.
Latency:
    CriticalPath, Step, Stretch, PatternStep, Hold: a chain of tiles and transfers from cycle 0 to the end, with what held up what.
Energy:
    Energy, EnergyItem, Level: every picojoule with its core, layer, place and cause.
Memory:
    PeakMemory, Tensor, Fill: the fullest moment and what lies where then.
What does not fit:
    Shortage, Repair, Change: which tensor, which memory, how much; what was tried and helped.
"""

from stream_evo.explanation._energy import Energy, EnergyItem, Level
from stream_evo.explanation._explanation import Explainer, Explanation, explain_mapping
from stream_evo.explanation._path_values import CriticalPath, Hold, PatternStep, Step, Stretch
from stream_evo.explanation._peak import Fill, PeakMemory, Tensor
from stream_evo.explanation._repair import Change, Repair
from stream_evo.explanation._shortage import Shortage

__all__ = [
    "Change",
    "CriticalPath",
    "Energy",
    "EnergyItem",
    "Explainer",
    "Explanation",
    "Fill",
    "Hold",
    "Level",
    "PatternStep",
    "PeakMemory",
    "Repair",
    "Shortage",
    "Step",
    "Stretch",
    "Tensor",
    "explain_mapping",
]
