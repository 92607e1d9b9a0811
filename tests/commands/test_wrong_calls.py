"""Wrong calls of the commands: one line each, which says what to do next."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from dgmbench import cli

REPOSITORY = Path(__file__).parents[2]
HELP = "; see 'dgmbench "


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("Snakefile", "config.yaml", "workflow"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "broken.yaml").write_text("density: [\n")
    (tmp_path / "wrong.yaml").write_text("density:\n  models:\n    vea:\n")
    (tmp_path / "none-left.yaml").write_text("density: false\nclassification: false\n")
    (tmp_path / "half.yaml").write_text("density: {datasets: [mnist]}\n")
    (tmp_path / "overlay.yaml").write_text("generation:\n  models:\n    gmnn: {epochs: 3}\n")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "list.yaml").write_text("- density\n- mnist\n")
    (tmp_path / "tabs.yaml").write_text("density:\n\tmodels: [vae]\n")
    (tmp_path / "latin.yaml").write_bytes(b"preset: caf\xe9\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.network
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("trian density mnist vae", "No such command 'trian'"),
        ("train density mnist", "Missing argument 'MODEL'" + HELP + "train --help'"),
        ("train density mnist vae --epochs 3", "No such option: --epochs"),
        ("train density mnist vae --seed one", "Invalid value for '--seed'"),
        ("train density mnist vae --seed -1", "Invalid value for '--seed'"),
        ("train density mnist vae --threads 0", "Invalid value for '--threads'"),
        ("train density mnist vae extra", "unexpected extra argument"),
        ("train densty mnist vae", "unknown task 'densty'; did you mean 'density'?"),
        ("train density minst vae", "unknown dataset 'minst'; did you mean 'mnist'?"),
        ("train density mnist vea", "unknown model 'vea'; did you mean 'vae'?"),
        ("train density 20news vae", "'20news' is of kind corpus, not images or points; known: "),
        ("train classification mnist bow", "'mnist' is of kind images, not corpus; known: "),
        ("train density mnist lda", "; there is the method lda of classification"),
        ("train classification reuters ctm", "; there is the model ctm of text-likelihood"),
        ("evaluate density mnist gan", "; there is the model gan of generation"),
        ("check few-labels mnist cgmm", "unknown model 'cgmm'; did you mean 'cgmmn'?"),
        ("check representation mnist gmmn", "; there is the model gmmn of generation"),
        ("train classification reuters lda --set n_topics=5", "n_topics is no setting but an option of lda; "),
        ("run -m lda --set n_topics=5", "n_topics is no setting but an option of lda; a configuration has it as"),
        ("run -m vae --no-such-option", "and says: unrecognized arguments: --no-such-option"),
        ("run -m vae --threads 2", "; threads is a key of the configuration: a file with 'threads: ...', laid over"),
        ("run -m vae --core-s 2", "unrecognized arguments: --core-s; did you mean '--cores'?"),
        ("run -m vae --cores", "and says: argument --cores"),
        ("run -m vae --cores two", "and says: Error parsing number of cores (--cores, -c): must be integer"),
        ("run -m vae --resources gpu=x", "and says: "),
        ("plan -m vae --set epochs", "'epochs' is not KEY=VALUE; give the value as well: epochs=..."),
        ("run densty", "there is no target 'densty'; did you mean 'density'?"),
        ("run generation", "preset 'default' has no table of generation; known: classification, density"),
        ("run analysys -n", "there is no target 'analysys'; did you mean 'analysis'?"),
        ("run -m vae --cores 0", "with 0 cores or jobs nothing is done; give --cores all, or 1 or more"),
        ("plan -t generation", "the configuration has no runs of generation; select some with --dataset (known: fash"),
        ("run -t generation -d mnist", "the configuration has no runs of generation; select some with --model (known"),
        ("run -m gmmn", "the configuration has no runs of generation; select some with --dataset (known: fashion-mni"),
        ("plan --configfile workflow/presets/smok.yaml", "smok.yaml; did you mean workflow/presets/smoke.yaml?"),
        ("run --profile nope", "--profile nope: no folder or file of this name holds a profile; known: workflow/prof"),
        ("run --profile slurm", "holds a profile; did you mean workflow/profiles/slurm?"),
        ("run --workflow-profile slrum", "--workflow-profile slrum: no folder or file of this name holds a profile"),
        ("run -s nofile", "no Snakefile nofile; without --snakefile that of this folder is used"),
        ("run results/nope.csv", "no rule makes results/nope.csv; give a task (density, classification), a rule, or "),
        ("run results/default/tables/densty.csv", "densty.csv; did you mean results/default/tables/density.csv?"),
        ("run -m vae results/smoke/tables/density.csv", "density.csv; this preset is 'default', whose files are in "),
        ("run results/default/runs/nope", "no rule makes results/default/runs/nope; "),
        ("plan --configfile none-left.yaml", "config: no runs; give density.datasets and density.models, or "),
        ("plan --configfile none-left.yaml -d mnist", "the configuration leaves every task out; name one with --task"),
        ("create model vae", "there is a model vae already; choose another name, as my-vae"),
        ("create method lda", "there is a method lda already; choose another name, as my-lda"),
        ("create dataset mnist", "there is a dataset mnist already; choose another name, as my-mnist"),
        ("create task density", "there is a task density already; choose another name, as my-density"),
        ("create model import", "'import' is a word of Python and cannot be the name of a module; write it as my-mo"),
        ("publish workflow --to one.tar.gz", "one.tar.gz: an archive is a .zip file, not .tar.gz; give such a name"),
        ("train density file:none.npz vae", "none.npz"),
        ("train density mnist no_module:Model", "no module 'no_module'; is it in this folder or installed?"),
        ("train density mnist fractions:Fractoin", "module 'fractions' has no 'Fractoin'"),
        ("train density mnist vae --set epochs=many", "epochs: 'many' is not a whole number"),
        ("train density mnist vae --set options={}", "this is no setting; use --option"),
        ("train classification reuters bow --set embeddings=glove", "unknown dataset 'glove'; did you mean 'glove-"),
        ("evaluate density ocr-letters vae --set epochs=7", "is not trained: no file results/default/trained/oc"),
        ("check density ocr-letters ast:AST", "does not tell its arguments; write a class with __init__ around it"),
        ("tabulate --config none.yaml", "no configuration file none.yaml"),
        ("tabulate --task densty", "preset 'default' has no runs of densty; did you mean 'density'?"),
        ("analyse densty", "unknown task 'densty'; did you mean 'density'?"),
        ("plan --config smoke.yaml", "no configuration file smoke.yaml; did you mean workflow/presets/smoke.yaml?"),
        ("plan -m vae --set =3", "'=3' is not KEY=VALUE; give a name before the equals sign"),
        ("plan -m iwae-5 --set weight_decay=-1", "config.density.models.iwae-5.weight_decay: -1 is too small; give at"),
        ("plan -m iwae-5 --set weight_decay=x", "config.density.models.iwae-5.weight_decay: 'x' is not a number"),
        ("plan -m iwae-5 --set weight_decay=nan", "weight_decay: nan is not a finite number"),
        ("plan -m iwae-5 --set weight_decay=1e9", "it takes all of a matrix away; give less"),
        ("plan -m vae --set optimizer=adam --set weight_decay=0.1", "it goes with optimizer: muon, not with adam; set"),
        ("plan -m iwae-5 --set backward_samples=5", "not fewer than the importance samples of iwae-5, 5; set 0"),
        ("plan -m iwae-5 --set backward_samples=1e9", "backward_samples: 1000000000.0 is not a whole number"),
        ("train density mnist vae --set backward_samples=1", "backward_samples: not fewer than the importance samples"),
        ("train generation mnist gan --set weight_decay=0.1", "command line.weight_decay: gan takes its steps by its "),
        ("check few-labels mnist supervised --set optimizer=muon", "supervised takes its steps by its own optimise"),
        ("run -t generation -m pmd -d mnist --set schedule=one-cycle", "pmd.schedule: pmd takes its steps by its own "),
        ("plan --preset lecture --configfile overlay.yaml", "overlay.yaml, line 3: config.generation.models.gmnn: unk"),
        ("plan --configfile empty.yaml", "a configuration is a mapping of keys to values; this file says nothing"),
        ("plan --configfile list.yaml", "list.yaml: a configuration is a mapping of keys to values; give keys at the"),
        ("run --configfile tabs.yaml", "tabs.yaml, line 2: this is not valid YAML"),
        ("tabulate --config half.yaml", "config.density: this selects nothing, as it names no models; give density.d"),
        ("train few-labels mnist supervised --set labels=[]", "command line.labels: [] is too short; give at least 1"),
        ("compare none none", "no folder or archive none"),
        ("sync-mlflow --results broken.yaml", "broken.yaml is no folder of results; give one by --results"),
        ("train density mnist vae --results broken.yaml/x", "broken.yaml is no folder, and one has to be there: move"),
        ("plan --configfile broken.yaml", "broken.yaml, line 2: this is not valid YAML"),
        ("plan --configfile wrong.yaml", "wrong.yaml, line 3: config.density.models.vea: unknown model 'vea'; did you"),
        ("run --configfile latin.yaml", "latin.yaml, line 1: this is not UTF-8; save the file as UTF-8"),
        ("run --configfile workflow", "cannot read workflow: Is a directory"),
        ("status --preset smoek", "unknown preset 'smoek'; did you mean 'smoke'?"),
        ("fetch mnits", "unknown dataset 'mnits'; did you mean 'mnist'?"),
        ("create mdoel mine", "there is no template of a mdoel; did you mean 'model'?"),
        ("create model", "Missing argument"),
        ("verify none", "no folder or archive none, nor a preset of this name in results"),
        ("verify broken.yaml", "broken.yaml is no archive that dgmbench publish makes: File is not a zip file"),
        ("verify workflow", "workflow holds no run: neither plan.json nor runs/*/run.json; give a folder of results"),
        ("compare workflow", "Missing argument"),
        ("compare workflow@abcd none", "workflow holds no run"),
        ("merge workflow none", "Missing option '--name'"),
        ("merge workflow none --name reference", "--name: 'reference' cannot name the folder of the results: the pub"),
        ("publish none", "no folder or archive none"),
        ("cite none", "no folder or archive none"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_one_line(call: str, said: str, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.app(shlex.split(call), prog_name="dgmbench")
    assert stop.value.code == 2
    printed, error = capsys.readouterr()
    assert printed == ""
    assert error.startswith("dgmbench: error: ") and error.count("\n") == 1, error
    assert said in error
    assert not (checkout / "results").exists(), "a call that fails leaves no folder of results"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("run --preset smoke", "there is no Snakefile in this folder; change to the checkout of dgmbench"),
        ("plan", "no configuration file config.yaml; change to the checkout of dgmbench"),
        ("plan --preset smoke", "there is no preset 'smoke', nor any other, in workflow/presets; change to the check"),
        ("tabulate", "no configuration file config.yaml; change to the checkout of dgmbench"),
        ("tabulate --config mine.yaml", "no configuration file mine.yaml\n"),
    ],
)
def test_outside_of_the_checkout_it_is_said_where_it_is(
    call: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        cli.app(shlex.split(call), prog_name="dgmbench")
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"dgmbench: error: {said}") and error.count("\n") == 1
    assert ("change to" in said) == error.endswith(f", {REPOSITORY}\n")
    assert not list(tmp_path.iterdir())


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.app([], prog_name="dgmbench")
    both = "".join(capsys.readouterr())
    assert "Usage: dgmbench" in both and "create" in both
