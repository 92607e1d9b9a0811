"""The rows of the representation table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dgmbench.run.task import Row

_IMAGES = "dgmbench.models.images"
_VAE = f"{_IMAGES}.vae:VAE"
_AUTO_ENCODER = f"{_IMAGES}.autoencoder:AutoEncoder"
_COMPONENTS = {"mnist": {"components": 100}, "ocr-letters": {"components": 50}}
_HIDDEN = {"mnist": {"hidden": 500}, "ocr-letters": {"hidden": 200}}
# the networks of the published log-likelihoods
_MLP: Mapping[str, Mapping[str, Any]] = {
    "mnist": {"hidden": [500, 500], "latent": 100},
    "ocr-letters": {"hidden": [200, 200], "latent": 50},
}


def _vae(about: str, compared_with: tuple[str, ...], **facts: Any) -> Row:
    return Row(_VAE, about, compared_with=compared_with, by_dataset=_MLP, **facts)


ROWS: dict[str, Row] = {
    "pixels": Row(f"{_IMAGES}.pixels:Pixels", "the pixels themselves, nothing learned", deterministic=True),
    "pca": Row(
        f"{_IMAGES}.pca:PCA",
        "principal components (Pearson, 1901)",
        by_dataset=_COMPONENTS,
        compared_with=("pixels",),
        deterministic=True,
    ),
    "auto-encoder": Row(
        _AUTO_ENCODER,
        "one hidden layer, tied weights, cross-entropy (Bengio, Lamblin, Popovici, Larochelle, NIPS 2006)",
        by_dataset=_HIDDEN,
        compared_with=("pixels", "pca"),
    ),
    "denoising-auto-encoder": Row(
        _AUTO_ENCODER,
        "the same, its input masked with rate 0.25 (Vincent et al., JMLR 2010)",
        options={"noise": "masking"},
        by_dataset=_HIDDEN,
        variant_of="auto-encoder",
        compared_with=("auto-encoder", "pixels"),
    ),
    "vae": _vae("variational auto-encoder (Kingma, Welling, ICLR 2014)", ("pixels", "denoising-auto-encoder")),
    "mem-vae": _vae(
        "VAE with external memory (Li, Zhu, Zhang, ICML 2016)", ("vae",), variant_of="vae", options={"memory": True}
    ),
    "iwae-5": _vae(
        "importance-weighted, 5 samples (Burda, Grosse, Salakhutdinov, ICLR 2016)",
        ("vae",),
        settings={"importance_samples": 5},
    ),
}
