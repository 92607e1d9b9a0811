"""The JSON schema of a configuration, made from the settings' own definitions, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from dgmbench.run.spec import LARGEST_SEED
from dgmbench.run.task import Task

Seeds = Annotated[list[Annotated[int, Field(ge=0, le=LARGEST_SEED)]], Field(min_length=1)]
Names = Annotated[list[str], Field(min_length=1)]
_STRICT = ConfigDict(extra="forbid")


def json_schema(tasks: Mapping[str, Task]) -> dict[str, Any]:
    """What a configuration may say, in the vocabulary of JSON schema."""
    sections: dict[str, Any] = {
        name: (_section(task) | Literal[False] | None, Field(None, description=f"{task.about}; false leaves it out"))
        for name, task in tasks.items()
    }
    whole = create_model(
        "Configuration",
        __config__=_STRICT,
        preset=(str, Field("default", description="names results/<preset>")),
        seeds=(Seeds, Field([0], description="every cell is run once for each")),
        tracking=(bool, Field(True, description="show the results in MLflow")),
        analyses=(bool, Field(False, description="analyse what was trained, too; false: only where that is asked for")),
        threads=(int, Field(1, ge=1, description="CPU threads for one job")),
        **sections,
    )
    return {"title": "dgmbench configuration"} | {k: v for k, v in whole.model_json_schema().items() if k != "title"}


def _section(task: Task) -> type[BaseModel]:
    name = task.name.title().replace("-", "")
    own: dict[str, Any] = {"options": (dict[str, Any], {}), "factory": (str, "")}
    of_dataset = create_model(f"{name}Dataset", __base__=task.settings, **own)
    seeds: dict[str, Any] = {"seeds": (Seeds, None)}
    of_cell = create_model(f"{name}Cell", __base__=of_dataset, **seeds)
    of_row_alone: dict[str, Any] = {task.datasets_word: (Names | dict[str, of_cell | Literal[False] | None], None)}  # type: ignore[valid-type]
    of_row = create_model(f"{name}Row", __base__=of_cell, **of_row_alone)
    fields: dict[str, Any] = {
        "settings": (task.settings, None),
        "seeds": (Seeds, None),
        "table": (bool, Field(True, description="false: trained where other tasks take its models, not measured")),
        task.datasets_word: (list[str] | dict[str, of_dataset | Literal[False] | None], {}),  # type: ignore[valid-type]
        task.rows_word: (list[str] | dict[str, of_row | Literal[False] | None], {}),  # type: ignore[valid-type]
    }
    if task.analysis:
        fields["analysis"] = (task.analysis.settings, None)
    return create_model(f"{name}Section", __config__=_STRICT, **fields)
