"""``stream-evo run`` and ``stream-evo resume``: search the front and write it into a folder."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream_evo._cli import _complete
from stream_evo._cli._console import (
    INTERRUPTED,
    NOTHING_FEASIBLE,
    BitsOption,
    DimOption,
    HostOpsOption,
    JsonOption,
    complain,
    guarded,
    print_json,
    print_line,
    print_table,
    say,
    sizes,
)
from stream_evo.errors import Fault, InputError

if TYPE_CHECKING:
    from stream_evo._api import Result
    from stream_evo._run._job import Job
    from stream_evo.search import Progress

__all__ = ["resume", "run"]

WorkersOption = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Threads that evaluate, one per processor core if not given; the result does not depend on them."
    ),
]


def _folder(text: str) -> Path:
    """Refuse an empty path, which would stand for the current folder: most likely it is a variable that is not set."""
    if not text:
        raise typer.BadParameter("the path is empty")
    return Path(text)


@guarded
def run(
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", parser=_folder, help="Folder for the results; it must not hold another run.", show_default=False),
    ],
    problem: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROBLEM|FILE.yaml]",
            help="A name of 'list problems', a problem file, or FILE.py:NAME.",
            autocompletion=_complete.problems,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE.onnx", help="Network, in place of the problem's.", autocompletion=_complete.networks),
    ] = None,
    hardware: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE.yaml", help="Accelerator, in place of the problem's.", autocompletion=_complete.hardware),
    ] = None,
    objectives: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="What to minimise: names of 'list objectives', or FILE.py:NAME; energy,latency,memory if not given.",
            autocompletion=_complete.objectives,
        ),
    ] = None,
    population: Annotated[int | None, typer.Option(metavar="N", min=2, help="Genomes per generation; 100 if not given.")] = None,
    generations: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after so many; 100 if there is no other budget.")
    ] = None,
    evaluations: Annotated[int | None, typer.Option(metavar="N", min=1, help="Stop after so many.")] = None,
    time_limit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop after so long; the result then depends on the machine.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Seed of all chance; 0 if not given.")] = None,
    workers: WorkersOption = None,
    reuse: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Run of the same network and chip whose evaluations are taken, not done again; the result is the same; can be repeated.",
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Search engine, of 'list engines', or FILE.py:NAME; nsga2 if not given.", autocompletion=_complete.engines
        ),
    ] = None,
    operator: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE.py:NAME",
            help="Operator in place of the default ones of its kind, or besides them after set.default; can be repeated.",
            autocompletion=_complete.operators,
        ),
    ] = None,
    pin: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Decisions that are fixed: a whole or partial mapping file.")
    ] = None,
    forbid_core: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Core that may run nothing; can be repeated.", autocompletion=_complete.chip_cores),
    ] = None,
    split: Annotated[bool | None, typer.Option("--split/--no-split", help="Search the spreading of layers over several cores.")] = None,
    dataflow: Annotated[bool | None, typer.Option("--dataflow/--no-dataflow", help="Search each core's dataflow.")] = None,
    priority: Annotated[bool | None, typer.Option("--priority/--no-priority", help="Search the scheduling priority.")] = None,
    max_latency: Annotated[float | None, typer.Option(metavar="CYCLES", help="Largest allowed latency.")] = None,
    max_energy: Annotated[float | None, typer.Option(metavar="PJ", help="Largest allowed energy.")] = None,
    max_memory: Annotated[float | None, typer.Option(metavar="BYTES", help="Largest allowed peak of on-chip memory.")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="OBJECTIVE=VALUE", help="Largest allowed value of any objective, also FILE.py:NAME; can be repeated."),
    ] = None,
    bits: BitsOption = None,
    dim: DimOption = None,
    host_ops: HostOpsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Search the Pareto front of a network on an accelerator and write it into a folder."""
    from stream_evo._run._job import Job  # noqa: PLC0415  # not needed for --help
    from stream_evo.report import RunFolder  # noqa: PLC0415  # as above

    RunFolder.check_free(out)
    given: dict[str, Any] = {
        "network": network,
        "hardware": hardware,
        "objectives": None if objectives is None else tuple(part.strip() for part in objectives.split(",") if part.strip()),
        "population": population,
        "generations": generations,
        "evaluations": evaluations,
        "time_limit_s": time_limit,
        "seed": seed,
        "engine": engine,
        "operators": tuple(operator) if operator else None,
        "pin": None if pin is None else str(pin),
        "forbidden_cores": tuple(forbid_core) if forbid_core else None,
        "split": split,
        "dataflow": dataflow,
        "priority": priority,
        "bits": bits,
        "dims": sizes(dim) or None,
        "host_operators": host_ops or None,
    }
    settings = _problem_settings(problem) | {name: value for name, value in given.items() if value is not None}
    named = {"latency": max_latency, "energy": max_energy, "memory": max_memory}
    limits = {name: value for name, value in named.items() if value is not None}
    settings["limits"] = {**settings.get("limits", {}), **_limits(limit or (), limits)}
    missing = [f"--{name}" for name in ("network", "hardware") if name not in settings]
    if missing:
        raise InputError("run", [Fault(f"{' and '.join(missing)} missing", hint="Give both, or a problem: stream-evo list problems")])
    job = Job(**settings)
    from stream_evo import _api  # noqa: PLC0415  # imports numba and onnx

    _search(job, lambda progress: _api.run_job(job, out, workers=workers, reuse=reuse or (), on_progress=progress), out, as_json=as_json)


@guarded
def resume(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the run.", show_default=False)],
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Continue an interrupted run to the same result as if it had never been interrupted."""
    from stream_evo import _api  # noqa: PLC0415  # imports numba and onnx

    job = _api.job_of(folder)
    try:
        _search(job, lambda progress: _api.resume_job(folder, workers=workers, on_progress=progress), folder, as_json=as_json)
    except KeyboardInterrupt:
        complain(f"interrupted; the run in {folder} can be continued as before", error=True)
        raise typer.Exit(INTERRUPTED) from None


def _limits(given: Sequence[str], limits: Mapping[str, float]) -> dict[str, float]:
    """Return `limits` with those that ``--limit`` gives.

    Raises:
        InputError: some are not ``OBJECTIVE=VALUE`` or limit an objective twice; all are listed.
    """
    found = dict(limits)
    faults = []
    for text in given:
        name, _, value = (part.strip() for part in text.rpartition("="))
        try:
            number = float(value)
        except ValueError:
            name = ""
        if not name:
            faults.append(Fault("not a limit", expected="OBJECTIVE=VALUE, e.g. edp=2e12", found=text))
        elif name in found:
            faults.append(Fault(f"{name!r} is limited twice"))
        else:
            found[name] = number
    if faults:
        raise InputError("--limit", faults)
    return found


def _problem_settings(problem: str | None) -> dict[str, Any]:
    """Return the settings that a problem of the catalogue or a problem file states."""
    if problem is None:
        return {}
    from stream_evo import registry  # noqa: PLC0415  # reads the metadata of installed packages

    found = registry.load_problem(problem)
    settings = {item.name: getattr(found.settings, item.name) for item in dataclasses.fields(found.settings)}
    settings |= {"network": found.network, "hardware": found.hardware, "objectives": tuple(found.objectives)}
    return {name: str(value) if isinstance(value, Path) else value for name, value in settings.items() if value is not None}


def _search(job: Job, search: Callable[[Callable[[Progress], None]], Result], out: Path, *, as_json: bool) -> None:
    from stream_evo._cli._progress import ProgressView  # noqa: PLC0415  # imports rich

    say(f"{job.network} on {job.hardware}: minimising {', '.join(job.objectives)}")
    with ProgressView(job) as view, redirect_stdout(sys.stderr):  # what a plug-in prints is no result
        result = search(view)
    hosts = result.session.workload.host_operators
    if hosts:
        say("work of the host, at no cost: " + ", ".join(hosts))
    if as_json:
        print_json(result.summary() | {"folder": str(out)})
    else:
        _print_summary(result, out)
    if not len(result):
        complain(result.why_empty())
        raise typer.Exit(NOTHING_FEASIBLE)


def _print_summary(result: Result, out: Path) -> None:
    names = result.metric_names
    rows: list[tuple[object, ...]] = [(label, point, *values) for label, point, values in result.highlights()]
    print_table(
        f"{result.title}: {len(result)} points on the front",
        ("", "point", *names),
        rows,
        numeric=("point", *names),
    )
    print_line(f"\n{result.search.evaluations:,} evaluations; {result.search.stop}. Written to {out}")
