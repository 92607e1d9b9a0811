"""The rows of the density table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgmbench.run.task import Row

_VAE = "dgmbench.models.images.vae:VAE"
_CNN = "dgmbench.models.images.cnn:CNN"
_MLP: Mapping[str, Mapping[str, Any]] = {
    "mnist": {"hidden": [500, 500], "latent": 100},
    "ocr-letters": {"hidden": [200, 200], "latent": 50},
}
_VAE_PAPER = "Kingma, Welling, ICLR 2014"
_IWAE_PAPER = "Burda, Grosse, Salakhutdinov, ICLR 2016"
_MEMORY_PAPER = "Li, Zhu, Zhang, ICML 2016"
_ZHUSUAN_PAPER = "Shi et al., arXiv 1709.05870"
_EM_PAPER = "Dempster, Laird, Rubin, JRSS B 1977"
_MEMORY = {"memory": True}


@dataclass(frozen=True)
class DensityRow(Row):
    """A row of the density table.

    Attributes:
        data: what its class is made for, as the attribute ``data`` of the class says: ``images`` of binary pixels, or
            ``points`` with real coordinates.
        through_some: whether its class takes ``backward_samples``.
    """

    data: str = "images"
    through_some: bool = False


def _vae(about: str, k: int = 1, variant_of: str = "", compared_with: tuple[str, ...] = (), **facts: Any) -> DensityRow:
    """An auto-encoder trained with k samples; a variant has a memory, and is compared with the plain one."""
    usual: dict[str, Any] = {"factory": _VAE, "by_dataset": _MLP, "options": _MEMORY if variant_of else {}}
    return DensityRow(
        about=about,
        settings={"importance_samples": k} if k > 1 else {},
        variant_of=variant_of,
        compared_with=(variant_of, *compared_with) if variant_of else compared_with,
        **usual | {"through_some": True} | facts,
    )


def _cnn(about: str, k: int = 1, variant_of: str = "", compared_with: tuple[str, ...] = ()) -> DensityRow:
    about = f"proxy of the published 5-layer CNN, details chosen here: {about}"
    facts: dict[str, Any] = {"factory": _CNN, "by_dataset": {}, "datasets": ("mnist",), "through_some": False}
    return _vae(about, k, variant_of, compared_with, **facts)


def _zhusuan(about: str, k: int = 1, compared_with: str = "") -> DensityRow:
    """A network of ZhuSuan's examples; there it is trained on MNIST alone."""
    return DensityRow(
        "dgmbench.models.images.zhusuan:ZhuSuanVAE",
        f"{about} ({_ZHUSUAN_PAPER})",
        settings={"importance_samples": k} if k > 1 else {},
        compared_with=(compared_with,),
    )


ROWS: dict[str, DensityRow] = {
    "vae": _vae(f"variational auto-encoder ({_VAE_PAPER})"),
    "mem-vae": _vae(f"VAE with external memory ({_MEMORY_PAPER})", 1, "vae", ("large-vae",)),
    "iwae-5": _vae(f"importance-weighted, 5 samples ({_IWAE_PAPER})", 5, compared_with=("vae",)),
    "mem-iwae-5": _vae(f"IWAE-5 with memory ({_MEMORY_PAPER})", 5, "iwae-5"),
    "iwae-50": _vae(f"importance-weighted, 50 samples ({_IWAE_PAPER})", 50, compared_with=("vae",)),
    "mem-iwae-50": _vae(f"IWAE-50 with memory ({_MEMORY_PAPER})", 50, "iwae-50"),
    "mem-vae-softmax": _vae(
        f"mem-vae with softmax attention and a sum: the variant for looking at slots ({_MEMORY_PAPER})",
        variant_of="vae",
        options={**_MEMORY, "attention": "softmax"},
    ),
    "large-vae": _vae(
        "VAE with as many parameters as mem-vae: the fairness control",
        by_dataset={
            "mnist": {"hidden": [530, 530], "latent": 100},
            "ocr-letters": {"hidden": [234, 234], "latent": 50},
        },
    ),
    "mixture-of-bernoullis": DensityRow(
        "dgmbench.models.images.mixture_of_bernoullis:MixtureOfBernoullis",
        f"mixture of Bernoullis by EM, K chosen on validation images, exact log-likelihood ({_EM_PAPER})",
        by_dataset={"mnist": {"components": [100, 200, 500]}, "ocr-letters": {"components": [100, 200, 500, 1000]}},
        compared_with=("vae",),
    ),
    "mixture-of-gaussians": DensityRow(
        "dgmbench.models.points.mixture_of_gaussians:MixtureOfGaussians",
        f"mixture of Gaussians by EM, K chosen by BIC, exact log-likelihood; for points ({_EM_PAPER})",
        data="points",
    ),
    "vae-1d": DensityRow(
        "dgmbench.models.points.vae_1d:VAE1D",
        f"VAE with one latent dimension, exact log-likelihood by quadrature beside it; for points ({_VAE_PAPER})",
        data="points",
    ),
    "zhusuan-vae": _zhusuan("VAE of the examples of the library ZhuSuan", compared_with="vae"),
    "zhusuan-iwae-50": _zhusuan("its IWAE, 50 samples", 50, "iwae-50"),
    "cnn-vae": _cnn("variational auto-encoder"),
    "cnn-iwae-5": _cnn("importance-weighted, 5 samples", 5, compared_with=("cnn-vae",)),
    "cnn-mem-vae": _cnn(f"VAE with external memory ({_MEMORY_PAPER})", variant_of="cnn-vae"),
    "cnn-mem-iwae-5": _cnn(f"IWAE-5 with memory ({_MEMORY_PAPER})", 5, variant_of="cnn-iwae-5"),
}
