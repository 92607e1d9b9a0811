"""Configurations laid over each other: what a list, a name alone, and ``false`` keep of what is below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dgmbench.errors import UserError
from dgmbench.run.config import plan_of, read_config, read_plan, without_effect
from dgmbench.run.config_files import command_line_values, read_files
from dgmbench.run.presets import given_by_name, notice, preset_files
from dgmbench.tasks import all_tasks

REPOSITORY = Path(__file__).parents[2]
BASE = """
density:
  settings: {batch_size: 10}
  datasets: {mnist: {epochs: 8, k: 500}, ocr-letters: {epochs: 80, k: 1000}}
  models: {vae: {options: {latent: 3}}, iwae-5: }
"""
MNIST, LETTERS = {"epochs": 8, "k": 500}, {"epochs": 80, "k": 1000}


def laid(folder: Path, *texts: str) -> dict[str, Any]:
    paths = [folder / f"{number}.yaml" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return read_config(paths)


@pytest.mark.parametrize(
    ("above", "key", "merged"),
    [
        (["datasets: [mnist]"], "datasets", {"mnist": MNIST, "ocr-letters": False}),
        (["datasets: [ocr-letters, mnist]"], "datasets", {"ocr-letters": LETTERS, "mnist": MNIST}),
        (["models: [vae]"], "models", {"vae": {"options": {"latent": 3}}, "iwae-5": False}),
        (["models: [iwae-50]"], "models", {"iwae-50": None, "vae": False, "iwae-5": False}),
        (["datasets: []"], "datasets", {"mnist": False, "ocr-letters": False}),
        (["datasets: {mnist: }"], "datasets", {"mnist": MNIST, "ocr-letters": LETTERS}),
        (["datasets: "], "datasets", {"mnist": MNIST, "ocr-letters": LETTERS}),
        (["settings: "], "settings", {"batch_size": 10}),
        (["datasets: {mnist: false}"], "datasets", {"mnist": False, "ocr-letters": LETTERS}),
        (["datasets: {mnist: false}", "datasets: [mnist]"], "datasets", {"mnist": MNIST, "ocr-letters": False}),
        (["datasets: {mnist: false}", "datasets: {mnist: }"], "datasets", {"mnist": MNIST, "ocr-letters": LETTERS}),
        (["datasets: {mnist: false}", "datasets: {mnist: {k: 9}}"], "datasets", {"mnist": {"epochs": 8, "k": 9}, "ocr-letters": LETTERS}),  # noqa: E501
        (["datasets: [mnist]", "datasets: [ocr-letters]"], "datasets", {"ocr-letters": LETTERS, "mnist": False}),
        (["datasets: [mnist]", "datasets: {ocr-letters: }"], "datasets", {"mnist": MNIST, "ocr-letters": LETTERS}),
        (["models: {vae: {options: {latent: [4]}}}"], "models", {"vae": {"options": {"latent": [4]}}, "iwae-5": None}),
        (["seeds: [1, 2]", "seeds: [3]"], "seeds", [3]),
    ],
)  # fmt: skip
def test_what_is_kept_of_what_is_below(above: list[str], key: str, merged: Any, tmp_path: Path) -> None:
    found = laid(tmp_path, BASE, *(f"density: {{{text}}}\n" for text in above))["density"][key]
    assert found == merged
    if isinstance(merged, dict):
        assert list(found) == list(merged), "in the order of the list"


def test_a_task_left_out_comes_back_as_it_was(tmp_path: Path) -> None:
    assert laid(tmp_path, BASE, "density: false\n") == {"density": False}
    back = laid(tmp_path, BASE, "density: false\n", "density: {models: [vae]}\n")["density"]
    assert back["datasets"] == {"mnist": MNIST, "ocr-letters": LETTERS}


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ("models: [vae]", "models: {iwae-5: {k: 3}}", {"vae": None, "iwae-5": {"k": 3}}),
        ("models: [vae]", "models: [iwae-5]", ["iwae-5"]),
        ("analysis: {documents: {a: 1}}", "analysis: {documents: [a]}", {"documents": ["a"]}),
        ("settings: {epochs: 1}", "settings: [epochs]", ["epochs"]),
        ("models: {vae: }", "models: [1]", [1]),
    ],
)
def test_a_list_selects_only_where_names_are_listed(below: str, above: str, merged: Any, tmp_path: Path) -> None:
    found = laid(tmp_path, f"density: {{{below}}}\n", f"density: {{{above}}}\n")["density"]
    assert next(iter(found.values())) == merged


@pytest.mark.parametrize(
    ("above", "datasets"),
    [
        ("datasets: [ocr-letters]", {"ocr-letters": {"k": 3}, "mnist": False}),
        ("datasets: {ocr-letters: {epochs: 4}}", {"mnist": {"seeds": [1]}, "ocr-letters": {"k": 3, "epochs": 4}}),
        ("datasets: {mnist: false}", {"mnist": False, "ocr-letters": {"k": 3}}),
        ("epochs: 2", {"mnist": {"seeds": [1]}, "ocr-letters": {"k": 3}}),
    ],
)
def test_what_a_row_has_for_its_datasets_is_kept(above: str, datasets: dict[str, Any], tmp_path: Path) -> None:
    row = "density: {models: {vae: {datasets: {mnist: {seeds: [1]}, ocr-letters: {k: 3}}}}}\n"
    found = laid(tmp_path, row, f"density: {{models: {{vae: {{{above}}}}}}}\n")
    assert found["density"]["models"]["vae"]["datasets"] == datasets


@pytest.mark.parametrize(
    ("text", "datasets", "n_runs"),
    [
        ("density: {datasets: [mnist]}", {"mnist"}, 6),
        ("density: {datasets: [ocr-letters], models: [vae]}", {"ocr-letters"}, 1),
        ("density: {datasets: {mnist: }}", {"mnist", "ocr-letters"}, 12),
        ("density: {models: [iwae-5, vae]}", {"mnist", "ocr-letters"}, 4),
        ("density: {datasets: [mnist], models: {vae: }}", {"mnist"}, 6),
    ],
)
def test_a_selection_of_the_default_has_its_runs(text: str, datasets: set[str], n_runs: int, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"{text}\nclassification: false\n")
    plan = read_plan(read_config([REPOSITORY / "config.yaml", tmp_path / "mine.yaml"]), all_tasks())
    default = {run.run_id for run in read_plan(read_config([REPOSITORY / "config.yaml"]), all_tasks()).runs}
    assert {run.dataset for run in plan.runs} == datasets
    assert len(plan.runs) == n_runs
    assert {run.run_id for run in plan.runs} <= default, "the same runs, with the same settings"


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ({"tracking": "false"}, {"tracking": False}),
        ({"seeds": ["0", "1"]}, {"seeds": [0, 1]}),
        ({"preset": "mine"}, {"preset": "mine"}),
        ({"threads": 2}, {"threads": 2}),
        ({"density": {"datasets": ["mnist"]}}, {"density": {"datasets": {"mnist": {"k": 5}, "b": False}}}),
        ({"density": {"settings": {"decay": "1e-3"}}}, {"density": {"datasets": {"mnist": {"k": 5}, "b": None}, "settings": {"decay": 0.001}}}),  # noqa: E501
    ],
)  # fmt: skip
def test_values_of_the_command_line_are_read_as_those_of_files(given: Any, content: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("density: {datasets: {mnist: {k: 5}, b: }}\n")
    found = read_files([tmp_path / "a.yaml"], command_line_values(given)).content
    assert {key: found[key] for key in content} == content


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"seeds": ["0", "a"]}, "--config: config.seeds: [0, 'a'] is not a list of whole numbers"),
        ({"presett": "x"}, "--config: config.presett: unknown key 'presett'; did you mean 'preset'?"),
        ({"tracking": "3"}, "--config: config.tracking: 3 is not true or false"),
        ({"density": {"models": ["vea"]}}, "--config: config.density.models.vea: unknown model 'vea'; did you mean"),
        ({"density": {"settings": {"epochs": "0"}}}, "--config: config.density.settings.epochs: 0 is too small"),
    ],
)
def test_a_mistake_on_the_command_line_is_said_to_stand_there(given: Any, line: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("preset: a\ntracking: true\ndensity: {datasets: [mnist], models: [vae]}\n")
    with pytest.raises(UserError) as caught:
        plan_of(read_files([tmp_path / "a.yaml"], command_line_values(given)), all_tasks())
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("given", "files", "found"),
    [
        ({"preset": "small"}, [], ["small.yaml"]),
        ({"preset": "small", "seeds": [1]}, [], ["small.yaml"]),
        ({"preset": "small"}, ["mine.yaml"], []),
        ({"preset": "mine"}, [], []),
        ({"seeds": [1]}, [], []),
        ({"preset": 3}, [], []),
    ],
)
def test_a_presets_name_alone_on_the_command_line_takes_its_file(
    given: Any, files: list[str], found: list[str], tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text("preset: small\n")
    assert [path.name for path in given_by_name(given, list(map(Path, files)), tmp_path)] == found


@pytest.mark.parametrize(
    ("files", "given", "said"),
    [
        (["presets/small.yaml"], {}, ""),
        (["presets/small.yaml", "mine.yaml"], {}, ""),
        (["other.yaml"], {}, ""),
        (["mine.yaml"], {}, "mine.yaml, line 2: preset small only names the folder results/small here"),
        (["other.yaml"], {"preset": "small"}, "--config: preset small only names the folder results/small here"),
        ([], {"preset": "smal"}, "--config: there is no preset smal, so this only names the folder results/smal; did"),
        ([], {"preset": "another"}, ""),
    ],
)
def test_a_presets_name_without_its_settings_is_said(
    files: list[str], given: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("presets").mkdir()
    Path("presets/small.yaml").write_text("preset: small\nseeds: [1]\n")
    Path("mine.yaml").write_text("# one\npreset: small\n")
    Path("other.yaml").write_text("preset: other\n")
    found = notice(read_files(list(map(Path, files)), given), Path("presets"))
    assert found.startswith(said) if said else found == ""


def test_a_preset_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert preset_files("smoke") == [Path("workflow/presets/smoke.yaml")]
    assert preset_files("default") == []
    with pytest.raises(UserError, match="unknown preset 'smok'; did you mean 'smoke'"):
        preset_files("smok")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("", "names no datasets and no models; give representation.datasets and representation.models, or write re"),
        ("{}", "mine.yaml, line 2: config.representation: this selects nothing, as it names no datasets and no models"),
        ("{datasets: [mnist], models: {pca: false}}", "as it names no models; give representation.datasets and"),
        ("{models: [pca]}", "as it names no datasets; give representation.datasets and representation.models, or"),
        ("false", ""),
        ("{datasets: [mnist], models: [pca]}", ""),
    ],
)
def test_a_section_that_selects_nothing_is_said(section: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"density: {{datasets: [mnist], models: [vae]}}\nrepresentation: {section}\n")
    configuration = read_files([tmp_path / "mine.yaml"])
    found = without_effect(configuration, plan_of(configuration, all_tasks()), all_tasks())
    assert len(found) == bool(said) and all(said in line for line in found), found
