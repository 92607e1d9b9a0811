"""A configuration asks for runs, and every mistake in it is one line that says where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dgmbench.errors import UserError
from dgmbench.names import accepted_options, load_object
from dgmbench.run.config import read_config, without_effect
from dgmbench.run.config import read_plan as read_plan_of
from dgmbench.run.config_files import Configuration
from dgmbench.run.plan import Plan
from dgmbench.run.schema import json_schema
from dgmbench.tasks import all_tasks, find_task
from dgmbench.tasks.density.settings import DensitySettings
from dgmbench.training.rows import LearnerRow

REPOSITORY = Path(__file__).parents[2]
METHODS = find_task("classification").rows
LEFT_OUT = {
    "five-seeds": {"density"},
    "max-margin": {"density"},
    "three-seeds": {"classification"},
    "overnight": {"classification"},
    "points": {"classification"},
    "zhusuan": {"classification"},
}  # tasks that a preset does not ask for
PRESETS = sorted((REPOSITORY / "workflow/presets").glob("*.yaml"))


def read_plan(config: dict[str, Any]) -> Plan:
    return read_plan_of(config, all_tasks())


OWN = " takes its steps by its own optimisers, without "
ALONE = "; leave it out, or set it for other models alone"


def section(task: str, models: Any, **settings: Any) -> dict[str, Any]:
    return {task: {"datasets": ["mnist"], "models": models, "settings": settings}}


def density(**parts: Any) -> dict[str, Any]:
    return {"density": {"datasets": ["ocr-letters"], "models": ["vae"], **parts}}


def only(plan: Plan) -> DensitySettings:
    (run,) = plan.runs
    assert isinstance(run.settings, DensitySettings)
    return run.settings


def test_a_later_layer_wins() -> None:
    config = density(settings={"epochs": 1, "batch_size": 2, "k": 3, "learning_rate": 0.5})
    config["density"]["datasets"] = {"ocr-letters": {"batch_size": 20, "k": 30, "learning_rate": 0.25}}
    config["density"]["models"] = {"iwae-5": {"k": 300, "learning_rate": 0.125}}
    expected = DensitySettings(importance_samples=5, epochs=1, batch_size=20, k=300, learning_rate=0.125)
    assert only(read_plan(config)) == expected


def test_every_cell_has_a_run_for_each_seed() -> None:
    config = density(datasets=["mnist", "ocr-letters"], models=["vae", "mem-vae"]) | {"seeds": [3, 4]}
    cells = {(run.dataset, run.model, run.seed) for run in read_plan(config).runs}
    assert cells == {(d, m, s) for d in ("mnist", "ocr-letters") for m in ("vae", "mem-vae") for s in (3, 4)}


def test_a_model_may_have_seeds_of_its_own() -> None:
    config = density(models={"vae": None, "mem-vae": {"seeds": [7], "epochs": 2}}) | {"seeds": [0, 1]}
    runs = [(run.model, run.seed) for run in read_plan(config).runs]
    assert runs == [("vae", 0), ("vae", 1), ("mem-vae", 7)]
    methods = {"bow": {"seeds": [0]}, "lda": None}
    config = {"classification": {"corpora": ["reuters"], "methods": methods, "seeds": [3, 4]}}
    assert [(run.model, run.seed) for run in read_plan(config).runs] == [("bow", 0), ("lda", 3), ("lda", 4)]
    jsonschema.validate(config, json_schema(all_tasks()))


def test_a_row_may_have_datasets_of_its_own() -> None:
    methods = {"bow": None, "lda": {"corpora": ["reuters"]}}
    config = {"classification": {"corpora": ["20news", "reuters"], "methods": methods}}
    runs = [(run.dataset, run.model) for run in read_plan(config).runs]
    assert runs == [("20news", "bow"), ("reuters", "bow"), ("reuters", "lda")]
    jsonschema.validate(config, json_schema(all_tasks()))


def test_a_section_may_be_trained_for_others_alone() -> None:
    config = {task: {"datasets": ["mnist"], "models": ["vae"]} for task in ("density", "generation")}
    config["density"] |= {"table": False, "models": ["vae", "iwae-5"]}  # type: ignore[dict-item]
    jsonschema.validate(config, json_schema(all_tasks()))
    plan = read_plan(config)
    assert [run.task for run in plan.runs] == ["generation"] and list(plan.tasks) == ["generation"]
    assert [(run.task, run.model) for run in plan.parts] == [("density", "vae"), ("generation", "classifier")]
    assert not without_effect(Configuration(config), plan, all_tasks())
    del config["generation"]
    with pytest.raises(UserError, match=r"^config\.density: its table is left out, and no row takes its "):
        read_plan(config)
    config["density"]["table"] = 3  # type: ignore[assignment]
    with pytest.raises(UserError, match=r"^config\.density\.table: 3 is not true or false"):
        read_plan(config)


def test_a_row_may_have_settings_and_seeds_for_one_of_its_datasets() -> None:
    of_mnist = {"epochs": 2, "seeds": [5, 6], "options": {"latent": 7}}
    rows = {"vae": {"datasets": {"mnist": of_mnist, "ocr-letters": None}, "epochs": 3, "k": 40}, "iwae-5": None}
    config = {"density": {"datasets": {"mnist": {"epochs": 4}, "ocr-letters": {"epochs": 5}}, "models": rows}}
    jsonschema.validate(config, json_schema(all_tasks()))
    found = {
        (run.dataset, run.model, run.seed): (run.settings.departures().get("epochs"), run.options.get("latent"))
        for run in read_plan(config).runs
    }
    assert found == {
        ("mnist", "vae", 5): (2, 7),
        ("mnist", "vae", 6): (2, 7),
        ("ocr-letters", "vae", 0): (3, 50),
        ("mnist", "iwae-5", 0): (4, 100),
        ("ocr-letters", "iwae-5", 0): (5, 50),
    }


@pytest.mark.parametrize(
    ("of_mnist", "complaint"),
    [
        (3, "models.vae.datasets.mnist: expected a mapping of names to values, not 3"),
        ({"epoch": 3}, "models.vae.datasets.mnist.epoch: unknown setting"),
        ({"seeds": 3}, "models.vae.datasets.mnist.seeds: 3 is not a list"),
        ({"datasets": ["mnist"]}, "models.vae.datasets.mnist.datasets: unknown setting"),
        ({"latent": 3}, "models.vae.datasets.mnist.latent: latent is no setting but an option of vae"),
        ({"options": {"laten": 3}}, "models.vae.datasets.mnist.options.laten: unknown option"),
    ],
)
def test_a_mistake_in_what_a_row_has_for_one_dataset_is_said_where_it_stands(of_mnist: Any, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        read_plan(density(datasets=["mnist"], models={"vae": {"datasets": {"mnist": of_mnist}}}))
    assert str(error.value).startswith(f"config.density.{complaint}")


def test_what_a_row_has_for_a_dataset_that_its_section_leaves_out_is_checked() -> None:
    rows: dict[str, Any] = {"vae": {"datasets": {"mnist": None, "ocr-letters": {"epoch": 3}}}}
    with pytest.raises(
        UserError, match=r"^config\.density\.models\.vae\.datasets\.ocr-letters\.epoch: unknown setting"
    ):
        read_plan(density(datasets=["mnist"], models=rows))
    rows["vae"]["datasets"]["ocr-letters"] = {"epochs": 3}
    assert [run.dataset for run in read_plan(density(datasets=["mnist"], models=rows)).runs] == ["mnist"]


def test_settings_of_a_training_that_another_task_does_are_said_to_change_nothing() -> None:
    of_vae = {"epochs": 3, "samples": 60, "test_limit": 50, "datasets": {"mnist": {"learning_rate": 0.1}}}
    config: dict[str, Any] = {task: {"datasets": ["mnist"], "models": ["vae"]} for task in ("density", "generation")}
    config["generation"] |= {"models": {"vae": of_vae, "gmmn": {"epochs": 3}}, "settings": {"batch_size": 50}}
    lines = without_effect(Configuration(config), read_plan(config), all_tasks())
    of_row = "config.generation.models.vae"
    told = "vae is trained as density.models.vae says, without this; set {0} there"
    assert lines == [
        f"{of_row}.epochs: {told.format('epochs')}",
        f"{of_row}.datasets.mnist.learning_rate: {told.format('learning_rate')}",
    ]
    of_vae |= {"factory": "dgmbench.models.images.gan:GAN"}
    assert not without_effect(Configuration(config), read_plan(config), all_tasks())


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ("reuters", "'reuters' is not a list of names of corpora"),
        ([], "[] names none of the corpora"),
        ({"reuters": False}, "names none of the corpora"),
        (["reuter"], "did you mean 'reuters'"),
        (["mnist"], "mnist"),
        (["reuters", "reuters"], "reuters stands twice in the list; name it once"),
    ],
)
def test_datasets_of_a_row_that_are_none_are_refused_where_they_stand(names: Any, complaint: str) -> None:
    config = {"classification": {"corpora": ["reuters"], "methods": {"lda": {"corpora": names}}}}
    with pytest.raises(UserError) as error:
        read_plan(config)
    assert re.match(r"config\.classification\.methods\.lda\.corpora(\.\w+)?: ", str(error.value))
    assert complaint in str(error.value)


def test_a_row_that_is_for_none_of_its_sections_datasets_is_checked_and_said() -> None:
    methods: dict[str, Any] = {"bow": None, "lda": {"corpora": ["20news"], "seeds": "x"}}
    config = {"classification": {"corpora": ["reuters"], "methods": methods}}
    with pytest.raises(UserError, match=r"^config\.classification\.methods\.lda\.seeds: 'x' is not a list"):
        read_plan(config)
    del methods["lda"]["seeds"]
    plan, configuration = read_plan(config), Configuration(config)
    assert [run.model for run in plan.runs] == ["bow"]
    line = "config.classification.methods.lda: no run, as it is for 20news only"
    assert without_effect(configuration, plan, all_tasks()) == [line]
    del methods["bow"]
    with pytest.raises(UserError, match="this selects nothing, as none of its methods is for these corpora"):
        read_plan(config)


def test_every_method_runs_on_a_user_defined_corpus_without_further_settings(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("text,label\n")
    config = {"classification": {"corpora": [f"file:{tmp_path}/mine.csv"], "methods": list(METHODS)}}
    for run in read_plan(config).runs:
        required = [
            name
            for name, parameter in accepted_options(load_object(METHODS[run.model].factory)).items()
            if parameter.default is parameter.empty and name != "embeddings"
        ]
        assert set(required) <= set(run.options), run.model


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["a.csv?name=mine", "a.csv?name=yours", "a.csv"], ""),
        (["a.csv?name=mine", "a.csv?name=mine&seed=1"], "has the short name of file:a.csv?name=mine; give it another"),
        (["a.csv?name=mine", "b.csv?name=mine"], "file:b.csv?name=mine has the short name of file:a.csv?name=mine"),
        (["a.csv?name=reuters"], "file:a.csv?name=reuters has the short name of reuters"),
        (["a.csv?name=mnist"], "has the short name of mnist"),
        (
            ["a.csv?name=A", "b.csv?name=a"],
            "file:b.csv?name=a is called a, which differs from A, the name of file:a.csv?name=A, in case alone",
        ),
        (["a.csv?name=Mine", "a.csv?name=mine&seed=1"], "in case alone; give it another by name="),
        (["a.csv?name=%C3%89t%C3%A9", "b.csv?name=%C3%A9t%C3%A9"], "in case alone"),
        (["a.csv?name=stra%C3%9Fe", "b.csv?name=STRASSE"], "in case alone"),
        (["a.csv?name=Reuters", "b.csv", "a.csv?name=REUTERS"], "is called REUTERS, which differs from Reuters"),
        (["a.csv?name=Reuters", "b.csv?name=twenty"], ""),
        (["a.csv", "a.CSV"], ""),
    ],
)
def test_two_datasets_have_two_names_in_the_tables(
    names: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("a.csv", "b.csv", "a.CSV"):
        (tmp_path / file).write_text("text,label\n")
    config = {"classification": {"corpora": [f"file:{name}" for name in names], "methods": ["bow"]}}
    if complaint:
        with pytest.raises(UserError, match=rf"config\.classification\.corpora: .*{re.escape(complaint)}"):
            read_plan(config)
    else:
        assert len({run.run_id for run in read_plan(config).runs}) == len(names)


def test_only_what_learns_without_labels_can_be_transductive() -> None:
    methods: dict[str, Any] = {name: {"transductive": True} for name in ("lda", "lftm", "doc2vec")}
    config = {"classification": {"corpora": ["reuters"], "methods": methods}}
    assert all(run.canonical("training")["settings"] == {"transductive": True} for run in read_plan(config).runs)
    methods["slda"] = {"transductive": True}
    with pytest.raises(UserError, match=r"slda\.transductive: only lda, lftm, doc2vec can be fitted"):
        read_plan(config)


def test_a_list_stands_for_names_without_settings() -> None:
    assert read_plan(density()) == read_plan(density(datasets={"ocr-letters": None}, models={"vae": {}}))


def test_an_overlay_replaces_key_by_key_and_leaves_out_what_is_false(tmp_path: Path) -> None:
    below, above = tmp_path / "below.yaml", tmp_path / "above.yaml"
    below.write_text("preset: a\ndensity: {datasets: {mnist: {epochs: 1, k: 2}, ocr-letters: {}}, models: [vae]}\n")
    above.write_text("preset: b\ndensity: {datasets: {mnist: {k: 3}, ocr-letters: false}}\n")
    plan = read_plan(read_config([below, above]))
    assert plan.preset == "b"
    assert [run.dataset for run in plan.runs] == ["mnist"]
    assert (only(plan).epochs, only(plan).k) == (1, 3)


@pytest.mark.parametrize("nothing", [False, None, {}])
def test_a_task_is_left_out(nothing: Any) -> None:
    config = density() | {"classification": nothing}
    assert set(read_plan(config).tasks) == {"density"}
    jsonschema.validate(config, json_schema(all_tasks()))


def test_an_option_that_is_false_is_an_option() -> None:
    plan = read_plan(density(models={"mem-vae": {"options": {"memory": False}}}))
    assert plan.runs[0].options["memory"] is False


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (
            {},
            "config: no runs; give density.datasets and density.models, or those of "
            + " or ".join(name for name in all_tasks() if name != "density"),
        ),
        (
            {"density": {"datasets": ["mnist"]}, "classification": False},
            "config.density: this selects nothing, as it names no models; give density.datasets and density.models, or "
            "write density: false",
        ),
        (
            density(settings={"optimizer": False}),
            "config.density.settings.optimizer: False is unknown; choose one of adam, muon (the words false, no or off "
            "are False in YAML, unless they are in quotes)",
        ),
        (
            {"classification": {"corpora": ["reuters"], "methods": {"bow": {"embeddings": True}}}},
            "config.classification.methods.bow.embeddings: True is not text (the words true, yes or on are True in "
            "YAML, unless they are in quotes)",
        ),
        (
            section("few-labels", ["cgmmn"], labels=[]),
            "config.few-labels.settings.labels: [] is too short; give at least 1",
        ),
        ({"presett": "a"}, "config.presett: unknown key 'presett'; did you mean 'preset'?"),
        (
            density() | {"preset": "../a"},
            "config.preset: '../a' cannot name the folder of the results: '/' is in it; choose another name",
        ),
        (
            density() | {"preset": "{x}"},
            "config.preset: '{x}' cannot name the folder of the results: '{' is in it; choose another name",
        ),
        (density() | {"threads": 0}, "config.threads: 0 is not a whole number of at least 1"),
        (density() | {"tracking": "yes"}, "config.tracking: 'yes' is not true or false"),
        (density() | {"analyses": {"density": True}}, "config.analyses: {'density': True} is not true or false"),
        (density() | {"seeds": [1, 1]}, "config.seeds: [1, 1] names a seed twice"),
        (density(seeds=[-1]), "config.density.seeds: [-1] is not a list of whole numbers from 0 to 4294967295"),
        (
            density(models={"vae": {"seeds": 3}}),
            "config.density.models.vae.seeds: 3 is not a list of whole numbers from 0 to 4294967295",
        ),
        (density(model=[]), "config.density.model: unknown key 'model'; did you mean 'models'?"),
        (
            density(models=["vea"]),
            "config.density.models.vea: unknown model 'vea'; did you mean 'vae'? (one of your own has factory: "
            "module:Class)",
        ),
        (
            density(models={"mine": "my_module:MyVAE"}),
            "config.density.models.mine: expected a mapping of names to values, not 'my_module:MyVAE'; a row of your "
            "own is written as {factory: my_module:MyVAE}",
        ),
        (density(datasets=["mnist", "mnist"]), "config.density.datasets: mnist stands twice in the list; name it once"),
        (
            density(models=["vae", "mem-vae", "vae"]),
            "config.density.models: vae stands twice in the list; name it once",
        ),
        (
            {"classification": {"corpora": ["reuters", "reuters"], "methods": ["bow"]}},
            "config.classification.corpora: reuters stands twice in the list; name it once",
        ),
        (
            {"classification": {"corpora": ["reuters"], "methods": ["bow", "lda", "lda", "bow"]}},
            "config.classification.methods: bow stands twice in the list; name it once",
        ),
        (
            density(models=["fractions:Fraction", "fractions:Fraction"]),
            "config.density.models: fractions:Fraction stands twice in the list; name it once",
        ),
        (
            density(settings={"estimator": "dreg", "compile": True}),
            "config.density.settings.compile: the estimator dreg cannot be compiled; set compile: false",
        ),
        (
            density(settings={"weight_decay": 0.1}),
            "config.density.settings.weight_decay: it goes with optimizer: muon, not with adam; set 0.0",
        ),
        (
            density(settings={"weight_decay": 500, "optimizer": "muon", "learning_rate": 0.01}),
            "config.density.settings.weight_decay: times a learning rate of 0.01 it takes all of a matrix away; give "
            "less",
        ),
        (
            density(settings={"split": "valid"}, datasets=["mnist"]),
            "config.density.settings.split: mnist has no validation images; give a file or function of your own with a "
            "part for them (docs/data.md), or set split to test",
        ),
        (
            density(settings={"backward_samples": 3}),
            "config.density.settings.backward_samples: not fewer than the importance samples of vae, 1; set 0 there",
        ),
        (
            density(settings={"estimator": "dreg", "backward_samples": 3}, models=["iwae-5"]),
            "config.density.settings.backward_samples: the estimator dreg goes through all samples; set 0",
        ),
        (
            density(settings={"backward_samples": 3}, models=["cnn-vae"], datasets=["mnist"]),
            "config.density.settings.backward_samples: the gradient of cnn-vae goes through all samples; set 0 there",
        ),
        (
            density(models={"iwae-5": {"backward_samples": 3, "devices": 2}}),
            "config.density.models.iwae-5.backward_samples: not with compile, and not on several devices; set 0",
        ),
        (
            section("representation", ["pixels"], weight_decay=0.1),
            "config.representation.settings.weight_decay: it goes with optimizer: muon, not with adam; set 0.0",
        ),
        (
            section("representation", ["iwae-5"], estimator="dreg", compile=True),
            "config.representation.settings.compile: the estimator dreg cannot be compiled; set compile: false",
        ),
        (
            section("generation", {"gmmn": {"weight_decay": 0.1}}),
            "config.generation.models.gmmn.weight_decay: it goes with optimizer: muon, not with adam; set 0.0",
        ),
        (
            section("generation", {"gan": {"weight_decay": 0.1}}),
            f"config.generation.models.gan.weight_decay: gan{OWN}weight_decay: 0.1{ALONE}",
        ),
        (
            section("generation", ["gmmn", "pmd"], optimizer="muon"),
            f"config.generation.settings.optimizer: pmd{OWN}optimizer: muon{ALONE}",
        ),
        (
            section("generation", {"mine": {"factory": "dgmbench.models.images.gan:GAN", "weight_average": 0.1}}),
            f"config.generation.models.mine.weight_average: mine{OWN}weight_average: 0.1{ALONE}",
        ),
        (
            section("few-labels", ["supervised"], schedule="one-cycle"),
            f"config.few-labels.settings.schedule: supervised{OWN}schedule: one-cycle{ALONE}",
        ),
        (
            section("few-labels", ["triple-gan"], devices=2),
            f"config.few-labels.settings.devices: triple-gan{OWN}devices: 2{ALONE}",
        ),
        (density(datasets=["minst"]), "config.density.datasets.minst: unknown dataset 'minst'; did you mean 'mnist'?"),
        (density(models="vae"), "config.density.models: expected a mapping of names to values, not 'vae'"),
        (
            density(models={"vae": {"epochs": 0}}),
            "config.density.models.vae.epochs: 0 is too small; give at least 1",
        ),
        (
            density(models={"vae": {"options": {"hiden": [3]}}}),
            "config.density.models.vae.options.hiden: unknown option 'hiden'; did you mean 'hidden'?",
        ),
        (
            density(settings={"importance_samples": 7}, models=["iwae-5"]),
            "config.density.models.iwae-5: iwae-5 has importance_samples 5 by definition, not 7",
        ),
        (
            density(models={"mine": {"factory": "no_such_module:Model"}}),
            "config.density.models.mine: no_such_module:Model: no module 'no_such_module'; "
            "is it in this folder or installed?",
        ),
        (
            density(models={"mine": {"factory": "math:Model"}}),
            "config.density.models.mine: math:Model: module 'math' has no 'Model'",
        ),
        (
            {"classification": {"corpora": ["reuters"], "methods": ["bow"], "settings": {"embeddings": "glove-60d"}}},
            "config.classification.settings.embeddings: unknown dataset 'glove-60d'; did you mean 'glove-50d'?",
        ),
        (
            {"classification": {"corpora": {"reuters": {"embeddings": "glove-60d"}}, "methods": ["bow"]}},
            "config.classification.corpora.reuters.embeddings: unknown dataset 'glove-60d'; did you mean 'glove-50d'?",
        ),
        (
            {"classification": {"corpora": ["reuters"], "methods": {"bow": {"embeddings": "glove-60d"}}}},
            "config.classification.methods.bow.embeddings: unknown dataset 'glove-60d'; did you mean 'glove-50d'?",
        ),
        (
            {"classification": {"corpora": ["reuters"], "methods": ["slda"], "settings": {"transductive": True}}},
            "config.classification.settings.transductive: only lda, lftm, doc2vec can be fitted on the classified "
            "documents, not slda",
        ),
        (
            density(models={"vae": {"latent": 20}}),
            "config.density.models.vae.latent: latent is no setting but an option of vae; a configuration has it as "
            "options: {latent: ...}, 'dgmbench train' as --option latent=...",
        ),
        (
            density(models={"vae": {"epocs": 20}}),
            "config.density.models.vae.epocs: unknown setting 'epocs'; did you mean 'epochs'?",
        ),
        (
            density(models={"vae": {"options": {"hidden": "x"}}}),
            "config.density.models.vae.options.hidden: 'x' is not a list of whole numbers",
        ),
        (
            {"classification": {"corpora": ["reuters"], "methods": {"lda": {"options": {"n_topics": "two"}}}}},
            "config.classification.methods.lda.options.n_topics: 'two' is not a whole number",
        ),
        (
            {"classification": {"corpora": {"reuters": {"options": {"n_sweeps": None}}}, "methods": ["lda"]}},
            "config.classification.corpora.reuters.options.n_sweeps: None is not a whole number",
        ),
        (
            density(models={"mine": {"factory": "dgmbench.models.images.vae:VAE", "options": {"hidden": 5}}}),
            "config.density.models.mine.options.hidden: 5 is not a list of whole numbers, as "
            "dgmbench.models.images.vae:VAE annotates it",
        ),
        (
            {"classification": {"corpora": {"reuters": {"n_topics": 5}}, "methods": ["lda"]}},
            "config.classification.corpora.reuters.n_topics: n_topics is no setting but an option of lda; a "
            "configuration has it as options: {n_topics: ...}, 'dgmbench train' as --option n_topics=...",
        ),
        (
            {"classification": {"corpora": ["file:none.csv"], "methods": ["bow"]}},
            "config.classification.corpora.file:none.csv: file:none.csv: no file or folder none.csv",
        ),
    ],
)
def test_a_mistake_is_one_line(config: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as caught:
        read_plan(config)
    assert str(caught.value) == line


@pytest.mark.parametrize("task", ["generation", "few-labels"])
def test_a_row_tells_which_classes_bring_their_own_optimisers(task: str) -> None:
    rows = find_task(task).rows
    told = {name: row.own_optimisers for name, row in rows.items() if isinstance(row, LearnerRow)}
    assert told == {name: hasattr(load_object(row.factory), "step") for name, row in rows.items()}


def test_what_follows_the_settings_of_an_optimiser_may_be_given_them() -> None:
    muon = {"optimizer": "muon", "weight_decay": 0.1, "weight_average": 0.1}
    models = {"gan": {}, "gmmn": muon, "mine": {"factory": "dgmbench.models.images.gmmn:GMMN", **muon}}
    found = {run.model: run.settings.departures() for run in read_plan(section("generation", models)).runs}
    assert found == {"gan": {}, "gmmn": muon, "mine": muon}


def test_a_broken_or_missing_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("density: [\n")
    for name, words in (("broken.yaml", "is not valid YAML"), ("none.yaml", "no configuration file")):
        with pytest.raises(UserError, match=words) as caught:
            read_config([tmp_path / name])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("preset", [None, *PRESETS], ids=lambda path: path.stem if path else "default")
def test_every_preset_is_a_plan_and_fits_the_schema(preset: Path | None) -> None:
    config = read_config([REPOSITORY / "config.yaml", *([preset] if preset else [])])
    jsonschema.validate(config, json_schema(all_tasks()))
    plan = read_plan(config)
    assert plan.preset == (preset.stem if preset else "default")
    assert {"density", "classification"} & set(plan.tasks) == {"density", "classification"} - LEFT_OUT.get(
        plan.preset, set()
    )
    assert {run.task for run in plan.runs} == set(plan.tasks)


def test_the_paper_preset_is_the_published_protocol() -> None:
    plan = read_plan(read_config([REPOSITORY / "config.yaml", REPOSITORY / "workflow/presets/paper.yaml"]))
    for run in plan.runs:
        if run.task in ("density", "classification"):
            assert set(run.canonical().get("settings", {})) <= {"importance_samples", "embeddings"}
        assert run.options.get("features", "counts") in ("proportions", "counts")
        assert run.options.get("network", "convolutional") == "convolutional"  # none is reduced
    assert {run.seed for run in plan.runs} == {0, 1, 2, 3, 4}
    (gan,) = [run.settings.model_dump() for run in plan.runs if (run.model, run.seed) == ("gan", 0)]
    assert [gan[key] for key in ("epochs", "batch_size", "learning_rate")] == [200, 100, 0.1]
    few = [run for run in plan.runs if (run.task, run.model, run.seed) == ("few-labels", "triple-gan", 0)]
    (game,) = [run.settings.model_dump() for run in few]
    assert [game[key] for key in ("epochs", "learning_rate", "labels")] == [1000, 0.001, [20, 50, 100, 200]]


@pytest.mark.parametrize(
    "config",
    [
        {"presett": "a"},
        {"seeds": [-1]},
        density(settings={"epochs": 0}),
        density(settings={"schedule": "none"}),
        density(models={"vae": {"datasets": []}}),
    ],
)
def test_the_schema_refuses_mistakes_too(config: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, json_schema(all_tasks()))
