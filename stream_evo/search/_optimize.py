"""The loop: ask, look up, evaluate, tell, store, report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from stream_evo.errors import PluginError, RunFolderError
from stream_evo.search._archive import Batch, EvaluationArchive, ProgressRow
from stream_evo.search._blocks import BlockTable
from stream_evo.search._contracts import EngineContext, EngineFactory, EngineState, OperatorSet
from stream_evo.search._describe import describe
from stream_evo.search._engines import find_engine
from stream_evo.search._front import ParetoFront
from stream_evo.search._ledger import Ledger, genome_keys
from stream_evo.search._pace import Pace
from stream_evo.search._pareto import hypervolume, reference_point
from stream_evo.search._problem import SearchProblem
from stream_evo.search._recorded import Recorded
from stream_evo.search._result import Budget, Callback, LeastInfeasible, SearchResult, StopReason
from stream_evo.search._segments import layer_count
from stream_evo.typing import FloatArray, IntArray

__all__ = ["optimize"]

_IDLE_GENERATIONS = 30
_AT_ONCE = 64
_STRANGE_STATE = "it was written by another version, or is damaged"
_ENGINE = "engine."


def optimize(
    problem: SearchProblem,
    *,
    operators: OperatorSet,
    budget: Budget,
    engine: str | EngineFactory = "nsga2",
    population: int = 100,
    seed: int = 0,
    workers: int = 1,
    folder: Path | None = None,
    resume: bool = False,
    shared: Sequence[Path] = (),
    reference: FloatArray | None = None,
    callbacks: Iterable[Callback] = (),
    clock: Callable[[], float] = time.monotonic,
) -> SearchResult:
    """Search for the Pareto front of `problem`.

    The same problem, operators, engine, population and seed give the same front whatever the workers, unbroken or resumed; only a time
    limit or an interruption decides by the clock how far the search gets. No genome is evaluated twice; children that are known already
    cost nothing. Ctrl-C ends the search, and the result is what was found so far.

    Args:
        problem: What to minimise.
        operators: How genomes are made and changed.
        budget: When to stop.
        engine: Name of an engine (see `ENGINES`) or something that builds one.
        population: Genomes per generation.
        seed: Seed of all chance.
        workers: Handed to the evaluator.
        folder: Run folder for the archive of all evaluations; ``None`` to keep nothing on disk.
        resume: Continue the run in `folder` if it holds one, instead of refusing the folder.
        shared: Folders of other runs of the same problem whose scores are taken instead of evaluating anew; that does not change the
            result.
        reference: Reference point of the reported hypervolume, (F,). By default it is fixed by the first generation with feasible genomes:
            the worst value of each objective there and a tenth of the range beyond. It never moves afterwards, so the hypervolume never
            falls.
        callbacks: Called with the progress after each generation.
        clock: Time in seconds, for the time limit and the progress.

    Returns:
        The front and how it came about.

    Raises:
        UnknownNameError: There is no such engine.
        RunFolderError: The folder holds another run, cannot be written, or the run in it was about something else.
        PluginError: Engine or evaluator break their contract.
    """
    factory = find_engine(engine) if isinstance(engine, str) else engine
    settings = {
        "engine": engine if isinstance(engine, str) else describe(engine),
        "operators": describe(operators),
        "population": str(population),
        "seed": str(seed),
        "reference": "from the first feasible generation" if reference is None else describe(reference),
    }
    fingerprint = {**_problem_fingerprint(problem), **{f"search.{name}": value for name, value in settings.items()}}
    with ExitStack() as opened:
        archive = None
        if folder is not None and resume and EvaluationArchive.exists(folder):
            archive = opened.enter_context(EvaluationArchive.resume(folder, fingerprint))
        run = _Run(problem, budget, workers=workers, reference=reference, callbacks=tuple(callbacks), clock=clock)
        context = EngineContext(
            spec=problem.evaluator.spec,
            objectives=len(problem.objectives),
            population=population,
            operators=operators,
            rng=np.random.default_rng(seed),
            is_known=run.ledger.contains,
            best_found=run.best_found,
            blocks=run.blocks,
            sums=len(problem.block_columns[0]),
        )
        run.start(context, factory)
        for other in shared:
            run.recorded.borrow(other, problem, fingerprint)
        if archive is not None:
            run.recover(archive)
        elif folder is not None:  # now that nothing else can be wrong: a folder that holds an archive is taken
            upper = problem.evaluator.spec.upper
            archive = EvaluationArchive.create(folder, upper=upper, metrics=problem.metrics, fingerprint=fingerprint)
            opened.enter_context(archive)
        return run.to_end(archive)


def _problem_fingerprint(problem: SearchProblem) -> dict[str, str]:
    spec = problem.evaluator.spec
    space = hashlib.sha256(np.concatenate([spec.lower, spec.upper]).astype("<i8").tobytes()).hexdigest()[:16]
    return {
        **{f"problem.{name}": value for name, value in problem.fingerprint.items()},
        "problem.metrics": ", ".join(problem.metrics),
        "problem.space": f"{len(spec.lower)} genes, bounds {space}",
        "goal.objectives": ", ".join(problem.objectives),
        "goal.limits": describe(problem.limits),
    }


class _Run:
    """One session of a search; everything that changes while it runs."""

    def __init__(
        self,
        problem: SearchProblem,
        budget: Budget,
        *,
        workers: int,
        reference: FloatArray | None,
        callbacks: tuple[Callback, ...],
        clock: Callable[[], float],
    ) -> None:
        self._problem, self._budget = problem, budget
        self._workers, self._callbacks = workers, callbacks
        self._reference = None if reference is None else np.asarray(reference, dtype=np.float64)
        self._pace = Pace(budget, clock)
        self.ledger = Ledger(len(problem.metrics))
        self.recorded = Recorded(len(problem.metrics))
        self._front = ParetoFront.empty(len(problem.evaluator.spec.lower), len(problem.objectives), len(problem.metrics))
        self._blocks: BlockTable | None = None  # of the batch that the engine is told of
        self._history: list[ProgressRow] = []
        self._least: tuple[float, IntArray, FloatArray, float] | None = None
        self._replayed_until = 0
        self._idle = 0
        self._generation = 0
        self._spent = 0  # evaluations of complete generations and of the incomplete one that ended the budget
        self._held = 0  # evaluations on disk when the session began
        self._feasible_share = 0.0
        self._share = 0.0  # of the reference box, dominated by the front

    def start(self, context: EngineContext, factory: EngineFactory) -> None:
        """Build the engine."""
        self._context = context
        self._engine = factory(context)

    def best_found(self) -> IntArray:
        """Return the genomes of the front, (P, V); equal after a resumption, as generations are absorbed in their order."""
        return self._front.genomes

    def blocks(self) -> BlockTable | None:
        """Return the blocks of the genomes that this generation evaluated, see `EngineContext.blocks`."""
        return None if self._blocks is None else self._blocks.chosen(*self._problem.block_columns)

    def recover(self, archive: EvaluationArchive) -> None:
        """Continue where the archive ends: from the stored state of the engine, or by telling it everything again."""
        state = archive.checkpoint()
        restorable = state is not None and self._take_over(state)
        waiting: list[Batch] = []
        for batch in archive.batches():
            self._held = batch.row.evaluations
            if restorable and batch.complete:
                self.ledger.add(genome_keys(batch.genomes), batch.metrics, batch.violation)
                self._history.append(batch.row)
                self._generation, self._spent = batch.row.generation, batch.row.evaluations
                waiting.append(batch)
                if len(waiting) == _AT_ONCE:
                    self._absorb_all(waiting)
            else:
                # The engine was not told of it. It will ask for the same genomes again and must not know them by then.
                self.recorded.add(batch)
                self._replayed_until += int(batch.complete)
        self._absorb_all(waiting)
        if state is None or not restorable:
            return
        self._share = self._history[-1].hypervolume
        try:
            self._engine.restore({name.removeprefix(_ENGINE): value for name, value in state.items() if name.startswith(_ENGINE)})
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RunFolderError(
                f"the run cannot be continued: its engine cannot read the stored state; {_STRANGE_STATE}: {type(error).__name__} {error}"
            ) from error

    def _take_over(self, state: EngineState) -> bool:
        """Continue the loop's own part of a state; return whether the engine's is there, too."""
        try:
            restorable, idle = bool(state["restorable"]), int(state["idle"])
            reference = None if state["reference"] is None else np.array(state["reference"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"the run cannot be continued: {_STRANGE_STATE}: {type(error).__name__} {error}") from error
        if restorable:
            self._reference, self._idle = reference, idle
        return restorable

    def _absorb_all(self, batches: list[Batch]) -> None:
        if batches:
            genomes, metrics, violation = zip(*((batch.genomes, batch.metrics, batch.violation) for batch in batches), strict=True)
            self._absorb(np.concatenate(genomes), np.concatenate(metrics), np.concatenate(violation))
            batches.clear()

    def to_end(self, archive: EvaluationArchive | None) -> SearchResult:
        """Run generations until the budget is used up or the user has enough, and store each of them."""
        self._pace.begin(max(self._generation, self._replayed_until), max(self._spent, self._held))
        try:
            while (stop := self._stop()) is None:
                self._step(archive)
        except KeyboardInterrupt:
            stop = StopReason.INTERRUPTED
        if archive is not None:
            self._catch_up(archive)
        least = None
        if not len(self._front) and self._least is not None:
            _, genome, metrics, missing = self._least
            least = LeastInfeasible(genome, metrics, missing, self._problem.missed(metrics, missing))
        return SearchResult(
            front=self._front,
            objectives=self._problem.objectives,
            metrics=self._problem.metrics,
            history=tuple(self._history),
            stop=stop,
            evaluations=self._spent,
            reference=self._reference,
            least_infeasible=least,
            elapsed_seconds=self._pace.elapsed_seconds,
        )

    def _catch_up(self, archive: EvaluationArchive) -> None:
        """Take in what is on disk and was not asked for again: a batch that ended a budget, or all that an interruption left unrepeated."""
        for batch in archive.batches(after=len(self._history)):
            self._absorb(batch.genomes, batch.metrics, batch.violation)
            self._history.append(batch.row)
            self._spent = batch.row.evaluations

    def _stop(self) -> StopReason | None:
        budget = self._budget
        if self._generation < self._replayed_until:
            return None
        if budget.evaluations is not None and max(self._spent, self._held) >= budget.evaluations:
            return StopReason.EVALUATIONS
        if budget.generations is not None and self._generation >= budget.generations:
            return StopReason.GENERATIONS
        if budget.seconds is not None and self._pace.elapsed_seconds >= budget.seconds:
            return StopReason.TIME
        return StopReason.EXHAUSTED if self._idle >= _IDLE_GENERATIONS else None

    def _step(self, archive: EvaluationArchive | None) -> None:
        """One generation."""
        genomes = self._asked()
        keys = genome_keys(genomes)
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        unknown = {first[key] for key, row in zip(keys, self.ledger.rows(keys).tolist(), strict=True) if row < 0}
        new = np.array(sorted(unknown), dtype=np.int64)
        is_replay = self._generation < self._replayed_until
        room = len(new) if self._budget.evaluations is None or is_replay else self._budget.evaluations - self._spent
        complete = len(new) <= room
        new = new[:room]
        new_keys = [keys[index] for index in new]
        metrics, violation, blocks = self._scores(genomes[new], new_keys)
        if complete:
            self._blocks = None if blocks is None else blocks.renumbered(new)
            self.ledger.add(new_keys, metrics, violation)
            all_metrics, all_violation = self.ledger.scores(self.ledger.rows(keys))
            infeasibility = self._problem.violation(all_metrics, all_violation)
            self._engine.tell(genomes, self._problem.objective_values(all_metrics), infeasibility)
            self._feasible_share = float(np.mean(infeasibility <= 0.0))
        self._generation += int(complete)
        self._spent += len(new)
        self._idle = 0 if len(new) else self._idle + 1
        self._absorb(genomes[new], metrics, violation)
        row = ProgressRow(self._generation + int(not complete), self._spent, len(self._front), self._share)
        self._history.append(row)
        if is_replay:
            if self._generation == self._replayed_until:
                self._pace.begin(self._generation, self._spent)
        elif archive is not None:
            archive.append(Batch(row, complete, genomes[new], metrics, violation, blocks), self._state() if complete else None)
        for callback in self._callbacks:
            callback(self._pace.progress(row, self._generation, self._feasible_share))

    def _asked(self) -> IntArray:
        spec = self._context.spec
        genomes = np.asarray(self._engine.ask())
        if genomes.ndim != 2 or genomes.shape[1] != len(spec.lower) or not len(genomes) or genomes.dtype.kind not in "iu":
            raise PluginError(
                f"the engine must ask for integers of shape (P, {len(spec.lower)}), P >= 1; "
                f"it asked for {genomes.dtype} of shape {genomes.shape}"
            )
        asked = spec.canonical(genomes.astype(np.int64))
        asked.setflags(write=False)  # the engine is told of them before they are stored
        return asked

    def _scores(self, genomes: IntArray, keys: list[bytes]) -> tuple[FloatArray, FloatArray, BlockTable | None]:
        """Scores of new genomes, and their blocks if the evaluator knows them, from disk where they are known there."""
        known, metrics, violation, tables = self.recorded.scores(keys)
        missing = np.flatnonzero(~known)
        if missing.size and self._generation < self._replayed_until:
            raise RunFolderError("the run cannot be continued: its engine did not repeat what it did before, so it is not deterministic")
        if missing.size:
            scored = self._problem.evaluator.evaluate(genomes[missing], workers=self._workers)
            if scored.metrics.shape != metrics[missing].shape or scored.violation_bytes.shape != (missing.size,):
                raise PluginError(
                    f"the evaluator must return metrics {metrics[missing].shape} and violation {(missing.size,)}; "
                    f"it returned {scored.metrics.shape} and {scored.violation_bytes.shape}"
                )
            metrics[missing], violation[missing] = scored.metrics, scored.violation_bytes
            table = BlockTable.of_evaluation(scored, violation[missing] <= 0.0, layer_count(self._problem.evaluator.spec))
            if table is not None:
                tables.append(table.renumbered(missing))
        if not (np.isfinite(metrics[violation <= 0.0]).all() and (violation >= 0.0).all()):
            raise PluginError("the evaluator returned a feasible genome with an infinite or undefined metric, or an undefined violation")
        return metrics, violation, BlockTable.joined(tables) if tables else None

    def _absorb(self, genomes: IntArray, metrics: FloatArray, violation: FloatArray) -> None:
        """Let new points into the front, or into what is kept as long as there is none."""
        infeasibility = self._problem.violation(metrics, violation)
        objectives = self._problem.objective_values(metrics)
        feasible = infeasibility <= 0.0
        if feasible.any():
            if self._reference is None:
                self._reference = reference_point(objectives[feasible])
            front = self._front.extended(genomes[feasible], objectives[feasible], metrics[feasible])
            if front is not self._front:
                self._front = front
                self._pace.gain(self._spent)
                # What is approximated for many objectives might fall a little.
                self._share = max(self._share, hypervolume(front.objectives, self._reference))
        elif len(genomes) and not len(self._front):
            nearest = int(np.argmin(infeasibility))
            if self._least is None or infeasibility[nearest] < self._least[0]:
                self._least = (float(infeasibility[nearest]), genomes[nearest], metrics[nearest], float(violation[nearest]))

    def _state(self) -> EngineState:
        engine = self._engine.state()
        common = {
            "reference": None if self._reference is None else self._reference.tolist(),
            "idle": self._idle,
            "restorable": engine is not None,
        }
        return common | {_ENGINE + name: value for name, value in (engine or {}).items()}
