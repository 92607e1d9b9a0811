"""How far the runs of a configuration are: from their records, and from the locks of those that are at work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dgmbench.commands.plan import RESULTS
from dgmbench.commands.selection import Selection, configuration_of
from dgmbench.errors import UserError
from dgmbench.run import trace as traces
from dgmbench.run.config import plan_of
from dgmbench.run.plan import Plan
from dgmbench.run.records import read_json
from dgmbench.run.spec import RunSpec
from dgmbench.run.workspace import Workspace, hides
from dgmbench.tasks import all_tasks

WORDS = ("done", "diverged", "training", "evaluating", "failed", "trained", "waiting")


@dataclass(frozen=True)
class State:
    """Of one run.

    Attributes:
        word: one of `WORDS`.
        detail: how far it is or what its log says last, or why it failed; with the file to read.
    """

    run: RunSpec
    word: str
    detail: str = ""


def states(plan: Plan, workspace: Workspace) -> list[State]:
    """Of each run of a plan, and of those that they need, until these are trained.

    Whether code or data have changed since a run was done is not asked here.
    """
    before = [_state(run, workspace) for run in plan.parts]
    waited_for = [state for state in before if state.word not in ("trained", "done", "diverged")]
    return [*waited_for, *(_state(run, workspace) for run in plan.runs)]


def _state(run: RunSpec, workspace: Workspace) -> State:
    trained = (workspace.trained(run) / "training.json").is_file()
    if workspace.is_claimed(run.training_id):
        stage = "evaluate" if trained else "train"
        log = log_file(run, stage, workspace)
        return State(run, "evaluating" if trained else "training", _how_far(log))
    try:
        failure = workspace.failure(run)
        done = (workspace.run(run) / "run.json").is_file() and read_json(workspace.run(run) / "run.json")
    except UserError as error:
        return State(run, "failed", str(error))
    if failure is not None and hides(failure, run, "training", "evaluation"):
        log = log_file(run, "train" if failure["stage"] == "training" else "evaluate", workspace)
        why = " ".join(str(failure.get("error", "")).split())
        return State(run, "failed", f"{why} ({log})" if log.is_file() else why)
    if done:
        return State(run, "diverged" if done.get("status") == "diverged" else "done")
    return State(run, "trained" if trained else "waiting")


def _how_far(log: Path) -> str:
    """What a job at work says of itself: in its trace, or else in the last line of its log."""
    trace = traces.read(log.with_suffix(".json"))
    if trace and trace.parts and not trace.end:
        words = [", ".join(part.words for part in trace.parts)]
        return f"{'  '.join([*words, *(number for part in trace.parts for number in part.numbers)])} ({log})"
    return f"{last_line(log)} ({log})" if log.is_file() else ""


def log_file(run: RunSpec, rule: str, workspace: Workspace) -> Path:
    """Where the workflow keeps the log of a job."""
    return workspace.log(rule, run.training_id if rule == "train" else run.run_id)


def last_line(path: Path) -> str:
    """The last line of a log that is not empty."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2000))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def show(selection: Selection, instead: Sequence[Path] = ()) -> None:
    """Print a line per run, and how many there are of each kind.

    Args:
        instead: files in place of the default configuration.
    """
    plan = plan_of(configuration_of(selection, instead)[0], all_tasks())
    workspace = Workspace(RESULTS / plan.preset)
    found = states(plan, workspace)
    width = max(len(state.run.run_id) for state in found)
    for state in found:
        print(f"{state.run.run_id:{width}}  {state.word:10}  {state.detail}".rstrip())
    print(f"{workspace.root}: {tally(found)}")


def tally(found: Sequence[State]) -> str:
    """How many runs there are of each kind."""
    counts = Counter(state.word for state in found)
    return ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
