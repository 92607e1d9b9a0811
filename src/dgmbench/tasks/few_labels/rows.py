"""The rows of the few-labels table."""

from __future__ import annotations

from dgmbench.run.task import Source
from dgmbench.training.rows import LearnerRow

_IMAGES = "dgmbench.models.images"
_DENSITY = "dgmbench.tasks.density.task:DENSITY"

ROWS: dict[str, LearnerRow] = {
    "supervised": LearnerRow(
        f"{_IMAGES}.supervised:Supervised",
        "the classifier of the others on the labelled images alone",
        own_optimisers=True,
    ),
    "pseudo-label": LearnerRow(
        f"{_IMAGES}.pseudo_label:PseudoLabel",
        "the same, which learns its own most probable classes of the other images, too (Lee, ICML workshop 2013)",
        variant_of="supervised",
        compared_with=("supervised",),
        own_optimisers=True,
    ),
    "vae-features": LearnerRow(
        f"{_IMAGES}.posterior_mean:PosteriorMean",
        "a linear classifier on the code of the vae of the density table, trained there (Kingma et al., NIPS 2014)",
        compared_with=("supervised",),
        takes=Source(_DENSITY, "vae"),
    ),
    "cgmmn": LearnerRow(
        f"{_IMAGES}.cgmmn_classifier:CGMMNClassifier",
        "conditional moment matching of classes given images (Ren, Li, Luo, Zhu, NIPS 2016)",
        compared_with=("supervised",),
        own_optimisers=True,
    ),
    "triple-gan": LearnerRow(
        f"{_IMAGES}.triple_gan:TripleGAN",
        "triple generative adversarial nets (Li, Xu, Zhu, Zhang, NIPS 2017)",
        compared_with=("supervised", "pseudo-label"),
        own_optimisers=True,
    ),
}
