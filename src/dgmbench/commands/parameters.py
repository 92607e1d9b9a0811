"""Arguments and options that several commands have, with what a shell completes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgmbench.commands.completion import datasets, presets, rows, tasks
from dgmbench.run.spec import LARGEST_SEED

TaskName = Annotated[
    str, typer.Argument(metavar="TASK", help="what is compared, see 'dgmbench list'", autocompletion=tasks)
]
DatasetName = Annotated[
    str,
    typer.Argument(metavar="DATASET", help="a dataset or corpus, see 'dgmbench list'", autocompletion=datasets),
]
ModelName = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="a row of the task's table, or module:Class", autocompletion=rows),
]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="seeds everything random in the run")]
Factory = Annotated[str, typer.Option(metavar="MODULE:CLASS", help="the class behind a name that you give")]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="KEY=VALUE", help="a setting; repeat for more", default_factory=list, show_default=False
    ),
]
Options = Annotated[
    list[str],
    typer.Option(
        "--option",
        metavar="KEY=JSON",
        help="an argument of the model's class",
        default_factory=list,
        show_default=False,
    ),
]
Source = Annotated[
    str,
    typer.Option(
        metavar="RUN",
        help="the run whose trained model it takes, in quotes: TASK DATASET MODEL and their options",
        show_default=False,
    ),
]
PresetFolder = Annotated[Path, typer.Option("--results", help="the preset's folder")]
Devices = Annotated[int, typer.Option(min=0, help="GPUs to use; without a GPU the CPU does it")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads")]
ConfigFiles = Annotated[
    list[Path],
    typer.Option(
        "--config",
        help="a configuration; repeat to lay one over another",
        show_default="config.yaml",
        default_factory=lambda: [Path("config.yaml")],
    ),
]
Results = Annotated[Path, typer.Option("--results", help="the folder of all presets")]

PresetName = Annotated[
    str, typer.Option(help="lay this preset over config.yaml, see 'dgmbench list'", autocompletion=presets)
]
OverlayFiles = Annotated[
    list[Path],
    typer.Option(
        "--configfile", help="lay this file over them; repeat for more", default_factory=list, show_default=False
    ),
]
SelectedTasks = Annotated[
    list[str],
    typer.Option(
        "--task",
        "-t",
        help="only these, with commas between",
        autocompletion=tasks,
        default_factory=list,
        show_default=False,
    ),
]
SelectedDatasets = Annotated[
    list[str],
    typer.Option(
        "--dataset",
        "-d",
        help="only these, likewise",
        autocompletion=datasets,
        default_factory=list,
        show_default=False,
    ),
]
SelectedRows = Annotated[
    list[str],
    typer.Option(
        "--model",
        "-m",
        help="only these models or methods, likewise",
        autocompletion=rows,
        default_factory=list,
        show_default=False,
    ),
]
Seeds = Annotated[str, typer.Option(help="seeds: 0-4, or 0,3,7")]
Name = Annotated[str, typer.Option(help="keep the results in results/NAME")]


InsteadFiles = Annotated[
    list[Path],
    typer.Option(
        "--config",
        help="in place of config.yaml; repeat to lay one over another",
        default_factory=list,
        show_default=False,
    ),
]
