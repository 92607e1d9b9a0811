"""What ``dgmbench run`` passes on to Snakemake: a mistake in it is one line, before anything is started."""

from __future__ import annotations

import re
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from dgmbench.commands.jobs import jobs_of
from dgmbench.errors import UserError
from dgmbench.names import close_match, did_you_mean
from dgmbench.run.config import KEYS
from dgmbench.run.plan import Plan
from dgmbench.tasks import all_tasks

_WORKFLOW, _RULE = ("Snakefile", "workflow/Snakefile", "workflow/rules/*.smk"), re.compile(r"^rule (\w+):", re.M)
"""Where the rules of this package stand, and how their names do.

Snakemake knows all rules, but executes the Snakefile to list them, which takes seconds. It is asked only for a name
that is not found so: a misspelt one, or that of a rule that the user has added in another file, below a condition, as
a checkpoint or by ``use rule``.
"""
_PROFILES = Path("workflow/profiles")
_UNKNOWN = re.compile(r"unrecognized arguments: (--[\w-]+)")
_NOT_MADE = re.compile(r"MissingRuleException|is no run of preset")
"""What Snakemake says of a file that no rule makes, or ``workflow/rules/targets.smk`` of a run."""


def understood(command: Sequence[str], plan: Plan) -> Namespace:
    """What Snakemake reads in its arguments.

    Raises:
        UserError: an option that it lacks, a file or a profile that is not there, or a target that is the name of no
            task or rule; its own words for these are many lines. For targets that are files see `check_files`.
    """
    from snakemake.cli import get_argument_parser

    parser = get_argument_parser()

    def refuse(message: str) -> NoReturn:
        advice = _instead_of(unknown.group(1), parser.format_usage()) if (unknown := _UNKNOWN.search(message)) else ""
        raise UserError(f"Snakemake takes the options that this command has not, and says: {message}{advice}")

    parser.error = refuse
    try:
        words: Namespace = parser.parse_args(list(command))
    except UserError:
        raise
    except Exception as error:  # the values of some options have exceptions of their own
        refuse(" ".join(str(error).split()))
    if words.cores == 0 or words.jobs == 0:
        raise UserError("with 0 cores or jobs nothing is done; give --cores all, or 1 or more")
    _check_profiles(words)
    if words.snakefile:
        if "://" not in str(words.snakefile) and not Path(words.snakefile).is_file():
            raise UserError(f"no Snakefile {words.snakefile}; without --snakefile that of this folder is used")
        return words
    files = [file for pattern in _WORKFLOW for file in Path().glob(pattern)]
    rules = {name for file in files for name in _RULE.findall(file.read_text(encoding="utf-8"))}
    known = rules | {*plan.tasks}
    for target in words.targets:
        if target in all_tasks() and target not in plan.tasks:
            raise UserError(f"preset {plan.preset!r} has no table of {target}{did_you_mean(target, plan.tasks)}")
        if re.fullmatch(r"[\w-]+", target) and target not in known and not Path(target).exists():
            listed = _listed(command)
            known |= listed
            if listed and target not in known:
                raise UserError(f"there is no target {target!r}{did_you_mean(target, known)}")
    return words


def _listed(command: Sequence[str]) -> set[str]:
    """The names of all rules, as Snakemake lists them; none where it cannot, which it will say itself."""
    asked = _asked(["--list-rules", *command])
    return set() if asked.returncode else {line for line in asked.stdout.splitlines() if line.strip() == line}


def _asked(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What Snakemake says, in a process of its own."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _instead_of(option: str, usage: str) -> str:
    """What to give in place of an option that Snakemake lacks: a key of the configuration, or an option like it."""
    key = close_match(option.removeprefix("--"), (*KEYS, *all_tasks()))
    if key:
        return f"; {key} is a key of the configuration: a file with '{key}: ...', laid over it by --configfile FILE"
    return did_you_mean(option, sorted(set(re.findall(r"--[a-z][a-z-]+", usage))))


def _check_profiles(words: Namespace) -> None:
    from snakemake.cli import get_profile_dir

    known = sorted(str(path) for path in _PROFILES.glob("*") if path.is_dir())
    named = [("--profile", name, name) for name in words.profile or ()]
    if words.workflow_profile:  # one of a name is looked for in the folder profiles, and left out where it is missing
        named.append(("--workflow-profile", words.workflow_profile, f"profiles/{words.workflow_profile}"))
    for option, name, other in named:
        if name != "none" and not get_profile_dir(name) and not get_profile_dir(other):
            ours = str(_PROFILES / Path(name).name)
            advice = f"; did you mean {ours}?" if ours in known else did_you_mean(name, known)
            raise UserError(f"{option} {name}: no folder or file of this name holds a profile{advice}")


def check_files(targets: Sequence[str], plan: Plan, content: Mapping[str, Any], command: Sequence[str]) -> None:
    """Raise a UserError for a target that is a file which no rule makes.

    Where a target is none of the files that the plan is known to make, Snakemake is asked, as there may be rules that
    the user has added; that takes seconds.

    Args:
        content: the configuration that the plan was read from.
        command: Snakemake's arguments.
    """
    others = [target for target in targets if "/" in target and not Path(target).exists()]
    made = {output for job in (jobs_of(plan, content) if others else ()) for output in job.outputs}
    unknown = [target for target in others if target.rstrip("/") not in made]
    if not unknown:
        return
    asked = _asked(["--dry-run", "--nolock", *command])
    if not asked.returncode or not _NOT_MADE.search(asked.stdout + asked.stderr):
        return
    target = next((target for target in unknown if target in asked.stderr.partition("MissingRule")[2]), unknown[0])
    raise UserError(f"no rule makes {target}; {''.join(_advice(target, plan, made))}")


def _advice(target: str, plan: Plan, made: set[str]) -> Iterator[str]:
    results, _, below = target.partition("/")
    preset = below.partition("/")[0]
    if results == "results" and "/" in below and preset != plan.preset:
        yield f"this preset is {plan.preset!r}, whose files are in results/{plan.preset}"
    elif close := close_match(target, made):
        yield f"did you mean {close}?"
    else:
        table = next(iter(plan.tasks))
        yield f"give a task ({', '.join(plan.tasks)}), a rule, or a file as results/{plan.preset}/tables/{table}.csv"
