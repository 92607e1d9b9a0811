"""The rows of the density table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgmbench.run.task import Row

_VAE = "dgmbench.models.images.vae:VAE"
_MLP: Mapping[str, Mapping[str, Any]] = {
    "mnist": {"hidden": [500, 500], "latent": 100},
    "ocr-letters": {"hidden": [200, 200], "latent": 50},
}
_VAE_PAPER = "Kingma, Welling, ICLR 2014"
_IWAE_PAPER = "Burda, Grosse, Salakhutdinov, ICLR 2016"
_MEMORY_PAPER = "Li, Zhu, Zhang, ICML 2016"
_MEMORY = {"memory": True}


def _vae(about: str, k: int = 1) -> Row:
    """A plain auto-encoder; with more than one sample it is compared with one sample."""
    settings = {"importance_samples": k} if k > 1 else {}
    return Row(_VAE, about, settings=settings, by_dataset=_MLP, compared_with=("vae",) if k > 1 else ())


def _memory(plain: str, about: str, k: int = 1, compared_with: tuple[str, ...] = ()) -> Row:
    """The same with a memory, compared with the plain one."""
    settings = {"importance_samples": k} if k > 1 else {}
    return Row(
        _VAE,
        about,
        options=_MEMORY,
        settings=settings,
        by_dataset=_MLP,
        variant_of=plain,
        compared_with=(plain, *compared_with),
    )


def _cnn(about: str, k: int = 1, variant_of: str = "", compared_with: tuple[str, ...] = ()) -> Row:
    return Row(
        "dgmbench.models.images.cnn:CNN",
        f"proxy of the published 5-layer CNN, details chosen here: {about}",
        options=_MEMORY if variant_of else {},
        settings={"importance_samples": k} if k > 1 else {},
        datasets=("mnist",),
        variant_of=variant_of,
        compared_with=compared_with or ((variant_of,) if variant_of else ()),
    )


ROWS: dict[str, Row] = {
    "vae": _vae(f"variational auto-encoder ({_VAE_PAPER})"),
    "mem-vae": _memory("vae", f"VAE with external memory ({_MEMORY_PAPER})", compared_with=("large-vae",)),
    "iwae-5": _vae(f"importance-weighted, 5 samples ({_IWAE_PAPER})", 5),
    "mem-iwae-5": _memory("iwae-5", f"IWAE-5 with memory ({_MEMORY_PAPER})", 5),
    "iwae-50": _vae(f"importance-weighted, 50 samples ({_IWAE_PAPER})", 50),
    "mem-iwae-50": _memory("iwae-50", f"IWAE-50 with memory ({_MEMORY_PAPER})", 50),
    "mem-vae-softmax": Row(
        _VAE,
        f"mem-vae with softmax attention and a sum: the variant for looking at slots ({_MEMORY_PAPER})",
        options={**_MEMORY, "attention": "softmax"},
        by_dataset=_MLP,
        variant_of="vae",
        compared_with=("vae",),
    ),
    "large-vae": Row(
        _VAE,
        "VAE with as many parameters as mem-vae: the fairness control",
        by_dataset={
            "mnist": {"hidden": [530, 530], "latent": 100},
            "ocr-letters": {"hidden": [234, 234], "latent": 50},
        },
    ),
    "cnn-vae": _cnn("variational auto-encoder"),
    "cnn-iwae-5": _cnn("importance-weighted, 5 samples", 5, compared_with=("cnn-vae",)),
    "cnn-mem-vae": _cnn(f"VAE with external memory ({_MEMORY_PAPER})", variant_of="cnn-vae"),
    "cnn-mem-iwae-5": _cnn(f"IWAE-5 with memory ({_MEMORY_PAPER})", 5, variant_of="cnn-iwae-5"),
}
