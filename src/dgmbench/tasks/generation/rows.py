"""The rows of the generation table."""

from __future__ import annotations

from dgmbench.run.task import Source
from dgmbench.training.rows import LearnerRow

_IMAGES = "dgmbench.models.images"
_DENSITY = "dgmbench.tasks.density.task:DENSITY"
CLASSIFIER = "classifier"


def _taken(row: str, about: str) -> LearnerRow:
    """A trained density model, by images that it gives."""
    return LearnerRow(
        f"{_IMAGES}.prior_samples:DecodedPrior",
        f"{about}; of the density table, trained there",
        takes=Source(_DENSITY, row),
        variant_of="" if row == "vae" else "vae",
        compared_with=("mixture",) if row == "vae" else ("vae",),
    )


ROWS: dict[str, LearnerRow] = {
    "training-images": LearnerRow(
        f"{_IMAGES}.reference_images:TrainingImages",
        "training images themselves: what no model can better",
        compared_with=("noise",),
        reference=True,
    ),
    "noise": LearnerRow(
        f"{_IMAGES}.reference_images:Noise",
        "independent pixels with the training means: what every model must better",
        reference=True,
    ),
    "mixture": LearnerRow(
        f"{_IMAGES}.prior_samples:ComponentMeans",
        "components of the mixture of Bernoullis of the density table, trained there",
        takes=Source(_DENSITY, "mixture-of-bernoullis"),
        compared_with=("noise",),
    ),
    "vae": _taken("vae", "variational auto-encoder (Kingma, Welling, ICLR 2014)"),
    "mem-vae": _taken("mem-vae", "VAE with external memory (Li, Zhu, Zhang, ICML 2016)"),
    "iwae-50": _taken("iwae-50", "importance-weighted, 50 samples (Burda, Grosse, Salakhutdinov, ICLR 2016)"),
    "gmmn": LearnerRow(
        f"{_IMAGES}.gmmn:GMMN",
        "generative moment matching network (Li, Swersky, Zemel, ICML 2015)",
        compared_with=("mixture", "vae"),
    ),
    "gmmn+ae": LearnerRow(
        f"{_IMAGES}.gmmn_code:CodeGMMN",
        "the same in the code space of an auto-encoder (Li, Swersky, Zemel, ICML 2015)",
        variant_of="gmmn",
        compared_with=("gmmn",),
        own_optimisers=True,
    ),
    "cgmmn": LearnerRow(
        f"{_IMAGES}.cgmmn:CGMMN",
        "conditional moment matching, class by class (Ren, Li, Luo, Zhu, NIPS 2016)",
        variant_of="gmmn",
        compared_with=("gmmn",),
    ),
    "gan": LearnerRow(
        f"{_IMAGES}.gan:GAN",
        "generative adversarial network, its optimiser as published (Goodfellow et al., NIPS 2014)",
        compared_with=("mixture", "vae"),
        own_optimisers=True,
    ),
    "gan-r1": LearnerRow(
        f"{_IMAGES}.gan:GAN",
        "the same with a penalty on the discriminator's gradient, and Adam (Mescheder et al., ICML 2018)",
        options={"penalty": 10.0},
        variant_of="gan",
        compared_with=("gan", "mixture"),
        own_optimisers=True,
    ),
    "triple-gan": LearnerRow(
        f"{_IMAGES}.triple_gan:TripleGAN",
        "triple generative adversarial nets with all labels, class by class (Li, Xu, Zhu, Zhang, NIPS 2017)",
        variant_of="gan",
        compared_with=("gan", "cgmmn"),
        own_optimisers=True,
    ),
    "pmd": LearnerRow(
        f"{_IMAGES}.pmd:PMD",
        "population matching discrepancy, fast matching (Chen, Li, Ru, Zhu, NIPS 2017)",
        compared_with=("mixture", "gmmn"),
        own_optimisers=True,
    ),
    "pmd-exact": LearnerRow(
        f"{_IMAGES}.pmd:PMD",
        "the same with an optimal matching",
        options={"matching": "exact"},
        variant_of="pmd",
        compared_with=("pmd",),
        own_optimisers=True,
    ),
    CLASSIFIER: LearnerRow(
        f"{_IMAGES}.classifier:ImageClassifier",
        "the classifier in whose last hidden layer images are compared",
        in_table=False,
    ),
}
