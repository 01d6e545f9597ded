"""The loop: ask, look up, evaluate, tell, store, report."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from stream_evo.errors import PluginError, RunFolderError
from stream_evo.search._archive import Batch, EvaluationArchive, ProgressRow
from stream_evo.search._blocks import BlockTable, KnowsBlocks
from stream_evo.search._contracts import EngineContext, EngineFactory, EngineState, OperatorSet
from stream_evo.search._describe import describe
from stream_evo.search._engines import find_engine
from stream_evo.search._front import ParetoFront
from stream_evo.search._ledger import Ledger, genome_keys
from stream_evo.search._pareto import hypervolume, reference_point
from stream_evo.search._problem import SearchProblem
from stream_evo.search._result import Budget, Callback, LeastInfeasible, Progress, SearchResult, StopReason
from stream_evo.search._segments import layer_count
from stream_evo.typing import FloatArray, IntArray

__all__ = ["optimize"]

_IDLE_GENERATIONS = 30
_LENT_TRIED = 4
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
    archive, continued = _open_archive(problem, folder, fingerprint, resume=resume)
    with archive or nullcontext():
        run = _Run(problem, budget, archive, workers=workers, reference=reference, callbacks=tuple(callbacks), clock=clock)
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
            run.borrow(other, fingerprint)
        if archive is not None and continued:
            run.recover(archive)
        return run.to_end()


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


def _open_archive(
    problem: SearchProblem, folder: Path | None, fingerprint: dict[str, str], *, resume: bool
) -> tuple[EvaluationArchive | None, bool]:
    if folder is None:
        return None, False
    if resume and EvaluationArchive.exists(folder):
        return EvaluationArchive.resume(folder, fingerprint), True
    upper = problem.evaluator.spec.upper
    return EvaluationArchive.create(folder, upper=upper, metrics=problem.metrics, fingerprint=fingerprint), False


class _Run:
    """One session of a search; everything that changes while it runs."""

    def __init__(
        self,
        problem: SearchProblem,
        budget: Budget,
        archive: EvaluationArchive | None,
        *,
        workers: int,
        reference: FloatArray | None,
        callbacks: tuple[Callback, ...],
        clock: Callable[[], float],
    ) -> None:
        self._problem, self._budget, self._archive = problem, budget, archive
        self._workers, self._callbacks, self._clock = workers, callbacks, clock
        self._reference = None if reference is None else np.asarray(reference, dtype=np.float64)
        genes = len(problem.evaluator.spec.lower)
        self.ledger = Ledger(len(problem.metrics))
        self._recorded = Ledger(len(problem.metrics))  # scores from disk of genomes that this session has not asked for yet
        self._front = ParetoFront.empty(genes, len(problem.objectives), len(problem.metrics))
        self._recorded_blocks: dict[bytes, BlockTable] = {}
        self._blocks: BlockTable | None = None  # of the batch that the engine is told of
        self._history: list[ProgressRow] = []
        self._least: tuple[float, IntArray, FloatArray, float] | None = None
        self._replayed_until = 0
        self._idle = 0
        self._generation = 0
        self._spent = 0  # evaluations of complete generations and of the incomplete one that ended the budget
        self._feasible_share = 0.0
        self._share = 0.0  # of the reference box, dominated by the front
        self._started = self._gained = clock()
        self._spent_at_start = self._spent_at_gain = 0

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

    def borrow(self, folder: Path, fingerprint: dict[str, str]) -> None:
        """Take scores from another run of the same problem."""
        with EvaluationArchive.read(folder) as other:
            held = other.fingerprint
            changed = [name for name, value in fingerprint.items() if name.startswith("problem.") and held.get(name) != value]
            if changed:
                raise RunFolderError(f"{folder} cannot lend its evaluations, it differs in: {', '.join(changed)}")
            for number, batch in enumerate(other.batches()):
                if number == 0:
                    knows_blocks = self._check_lent(folder, batch)
                if batch.blocks is not None or not knows_blocks:  # without their blocks scores would change what the engine does
                    self._record(batch)

    def _check_lent(self, folder: Path, batch: Batch) -> bool:
        """Evaluate a few of another run's genomes again: fingerprints do not tell versions of the evaluator apart.

        Return whether the evaluator knows their blocks.
        """
        lent = slice(0, _LENT_TRIED)
        scored = self._problem.evaluator.evaluate(batch.genomes[lent])
        if not (np.array_equal(scored.metrics, batch.metrics[lent]) and np.array_equal(scored.violation_bytes, batch.violation[lent])):
            raise RunFolderError(f"{folder} cannot lend its evaluations: this version scores the same genomes differently")
        return isinstance(scored, KnowsBlocks)

    def recover(self, archive: EvaluationArchive) -> None:
        """Continue where the archive ends: from the stored state of the engine, or by telling it everything again."""
        state = archive.checkpoint()
        batches = list(archive.batches())
        complete = [batch for batch in batches if batch.complete]
        # The engine was never told of an incomplete batch. It will ask for the same genomes again and must not know them by then.
        for batch in batches[len(complete) :]:
            self._record(batch)
        if state is None:
            return
        try:
            restorable, self._idle = bool(state["restorable"]), int(state["idle"])
            reference = None if state["reference"] is None else np.array(state["reference"], dtype=np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"the run cannot be continued: {_STRANGE_STATE}: {type(error).__name__} {error}") from error
        if not restorable:
            self._idle = 0
            self._replayed_until = len(complete)
            for batch in complete:
                self._record(batch)
            return
        self._reference = reference
        for batch in complete:
            self.ledger.add(genome_keys(batch.genomes), batch.metrics, batch.violation)
            self._history.append(batch.row)
        if complete:
            self._absorb(*(np.concatenate(parts) for parts in zip(*((b.genomes, b.metrics, b.violation) for b in complete), strict=True)))
        self._generation, self._spent = len(complete), len(self.ledger)
        self._spent_at_start = self._spent_at_gain = self._spent
        try:
            self._engine.restore({name.removeprefix(_ENGINE): value for name, value in state.items() if name.startswith(_ENGINE)})
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RunFolderError(
                f"the run cannot be continued: its engine cannot read the stored state; {_STRANGE_STATE}: {type(error).__name__} {error}"
            ) from error

    def to_end(self) -> SearchResult:
        """Run generations until the budget is used up or the user has enough."""
        try:
            while (stop := self._stop()) is None:
                self._step()
        except KeyboardInterrupt:
            stop = StopReason.INTERRUPTED
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
            elapsed_seconds=self._clock() - self._started,
        )

    def _stop(self) -> StopReason | None:
        budget = self._budget
        if budget.evaluations is not None and self._spent >= budget.evaluations:
            return StopReason.EVALUATIONS
        if budget.generations is not None and self._generation >= budget.generations:
            return StopReason.GENERATIONS
        if budget.seconds is not None and self._clock() - self._started >= budget.seconds:
            return StopReason.TIME
        return StopReason.EXHAUSTED if self._idle >= _IDLE_GENERATIONS else None

    def _step(self) -> None:
        """One generation."""
        genomes = self._asked()
        keys = genome_keys(genomes)
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        unknown = {first[key] for key, row in zip(keys, self.ledger.rows(keys).tolist(), strict=True) if row < 0}
        new = np.array(sorted(unknown), dtype=np.int64)
        room = len(new) if self._budget.evaluations is None else self._budget.evaluations - self._spent
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
        if self._archive is not None and self._generation > self._replayed_until:
            self._archive.append(Batch(row, complete, genomes[new], metrics, violation, blocks), self._state() if complete else None)
        self._report()

    def _asked(self) -> IntArray:
        spec = self._context.spec
        genomes = np.asarray(self._engine.ask())
        if genomes.ndim != 2 or genomes.shape[1] != len(spec.lower) or not len(genomes) or genomes.dtype.kind not in "iu":
            raise PluginError(
                f"the engine must ask for integers of shape (P, {len(spec.lower)}), P >= 1; "
                f"it asked for {genomes.dtype} of shape {genomes.shape}"
            )
        return spec.canonical(genomes.astype(np.int64))

    def _scores(self, genomes: IntArray, keys: list[bytes]) -> tuple[FloatArray, FloatArray, BlockTable | None]:
        """Scores of new genomes, and their blocks if the evaluator knows them, from disk where they are known there."""
        rows = self._recorded.rows(keys)
        missing, known = np.flatnonzero(rows < 0), np.flatnonzero(rows >= 0)
        if missing.size and self._generation < self._replayed_until:
            raise RunFolderError("the run cannot be continued: its engine did not repeat what it did before, so it is not deterministic")
        metrics, violation = (part.copy() for part in self._recorded.scores(np.maximum(rows, 0)))
        tables = [self._recorded_blocks[keys[row]].renumbered(np.array([row])) for row in known if keys[row] in self._recorded_blocks]
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
                self._front, self._gained, self._spent_at_gain = front, self._clock(), self._spent
                self._share = hypervolume(front.objectives, self._reference)
        elif len(genomes) and not len(self._front):
            nearest = int(np.argmin(infeasibility))
            if self._least is None or infeasibility[nearest] < self._least[0]:
                self._least = (float(infeasibility[nearest]), genomes[nearest], metrics[nearest], float(violation[nearest]))

    def _record(self, batch: Batch) -> None:
        keys = genome_keys(batch.genomes)
        new = self._recorded.rows(keys) < 0
        self._recorded.add([key for key, is_new in zip(keys, new, strict=True) if is_new], batch.metrics[new], batch.violation[new])
        if batch.blocks is not None:
            self._recorded_blocks.update((keys[number], batch.blocks.of(number)) for number in np.flatnonzero(new).tolist())

    def _state(self) -> EngineState:
        engine = self._engine.state()
        common = {
            "reference": None if self._reference is None else self._reference.tolist(),
            "idle": self._idle,
            "restorable": engine is not None,
        }
        return common | {_ENGINE + name: value for name, value in (engine or {}).items()}

    def _report(self) -> None:
        if not self._callbacks:
            return
        now = self._clock()
        elapsed = now - self._started
        rate = (self._spent - self._spent_at_start) / elapsed if elapsed > 0.0 else 0.0
        last = self._history[-1]
        progress = Progress(
            generation=self._generation,
            evaluations=self._spent,
            evaluations_per_second=rate,
            front_size=last.front_size,
            hypervolume=last.hypervolume,
            elapsed_seconds=elapsed,
            remaining_seconds=self._remaining(elapsed, rate),
            seconds_since_gain=now - self._gained,
            evaluations_since_gain=self._spent - self._spent_at_gain,
            feasible_share=self._feasible_share,
        )
        for callback in self._callbacks:
            callback(progress)

    def _remaining(self, elapsed: float, rate: float) -> float:
        budget, left = self._budget, []
        if budget.seconds is not None:
            left.append(budget.seconds - elapsed)
        if budget.evaluations is not None and rate > 0.0:
            left.append((budget.evaluations - self._spent) / rate)
        if budget.generations is not None and self._generation:
            left.append((budget.generations - self._generation) * elapsed / self._generation)
        return max(0.0, min(left, default=float("inf")))
