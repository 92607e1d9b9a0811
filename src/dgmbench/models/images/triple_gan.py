"""Three players: a generator of images of a class, a classifier of images, and a discriminator of image-class pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgmbench.models.images.averaged_classifier import (
    AveragedClassifier,
    adam,
    cross_entropy,
    descend,
    labelled_part,
    unlabelled_part,
)
from dgmbench.models.images.generator import UniformGenerator
from dgmbench.models.images.layers import linear

ALPHA = 0.5
"""The share of the classifier's pairs, beside the generator's, of those that the discriminator should refuse."""
ENTROPY, BALANCE, GENERATED = 0.3, 0.001, 0.1
"""Weights of the classifier's terms: entropy, classes equally frequent, cross-entropy of generated pairs."""
DECAY = 0.995
"""Factor of the learning rates in each epoch from ``generated_from``."""
WEIGHT_DECAY = 1e-4
"""Of the classifier."""
LABELLED_PAIRS = 100
"""Of as many labelled images in a step one is shown to the discriminator, where other images have no labels."""
ALONE_RATE, ALONE_BALANCE = 3e-4, 0.3
"""While the classifier learns alone: its learning rate, and the weight of equally frequent classes."""


class Noise(nn.Module):
    """Adds N(0, deviation²) to each unit while training."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + self.deviation * torch.randn_like(x) if self.training else x


class PairDiscriminator(nn.Module):
    """Whether an image and its class are a pair of the data: layers of leaky ReLU that read the class, too, with noise.

    Args:
        n_pixels: of an image.
        n_classes: classes are 0 to n_classes − 1.
        hidden: widths of the layers, next to x first.
    """

    def __init__(self, n_pixels: int, n_classes: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.noise = nn.ModuleList([Noise(0.3), *(Noise(0.5) for _ in hidden)])
        widths = pairwise((n_pixels, *hidden, 1))
        self.layers = nn.ModuleList([linear(inputs + n_classes, outputs) for inputs, outputs in widths])

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """(n, pixels), (n,) → (n,) logits."""
        classes = F.one_hot(labels, self.n_classes).to(x.dtype)
        h = self.noise[0](x)
        for layer, noise in zip(self.layers[:-1], self.noise[1:], strict=True):
            h = noise(F.leaky_relu(layer(torch.cat([h, classes], dim=1)), 0.2))
        return self.layers[-1](torch.cat([h, classes], dim=1)).squeeze(1)


class TripleGAN(UniformGenerator):
    """Triple generative adversarial nets (Li, Xu, Zhu, Zhang, NIPS 2017), with few labels or with all.

    The discriminator D takes for real the labelled pairs, one of `LABELLED_PAIRS` where other images have no labels,
    and one half of the other images with the classifier's most probable classes; it refuses generated pairs and those
    of the other half, each with weight ½. The generator G(z, y), y uniform over the classes, fools it. The classifier
    p(y | x) minimises the cross-entropy of the labels and, over the images without, `ENTROPY` times its entropy,
    `BALANCE` times the cross-entropy of the uniform distribution to its mean prediction, and `ALPHA` p(ŷ | x) times
    −log D(x, ŷ), ŷ its most probable class, through p(ŷ | x) alone. From epoch ``generated_from`` the cross-entropy of
    generated pairs is added, times `GENERATED`. Before epoch ``game_from`` the classifier learns alone, without D, at
    the learning rate `ALONE_RATE` and with `ALONE_BALANCE` instead of `BALANCE`.

    Example:
        >>> model = TripleGAN(n_pixels=64, shape=(8, 8), n_classes=3)
        >>> model.sample_of(torch.tensor([0, 2]), seed=0).shape
        torch.Size([2, 64])
    """

    reads_labels = True

    def __init__(
        self,
        n_pixels: int,
        shape: tuple[int, int],
        n_classes: int,
        network: str = "convolutional",
        hidden: Sequence[int] = (500, 500),
        latent: int = 100,
        units: Sequence[int] = (1000, 500, 250, 250, 250),
        game_from: int = 30,
        generated_from: int = 300,
    ) -> None:
        """
        Args:
            n_pixels: of an image.
            shape: its height and width.
            n_classes: classes are 0 to n_classes − 1.
            network: the classifier: ``convolutional``, or ``reduced``, half as wide.
            hidden: widths of the generator's layers, next to z first; batch norm after each.
            latent: dimensions of z, the class apart.
            units: widths of the discriminator's layers, next to x first.
            game_from, generated_from: epochs; from the second one on the learning rates fall, too.
        """
        super().__init__(n_pixels, hidden, latent + n_classes, low=0.0, batch_norm=True)
        if not units or not 0 <= game_from <= generated_from:
            raise ValueError("give at least one layer of units, and game_from of at least 0 and at most generated_from")
        self.own_latent, self.n_classes = latent, n_classes
        self.game_from, self.generated_from, self.epoch = game_from, generated_from, 0
        self.discriminator = PairDiscriminator(n_pixels, n_classes, units)
        self.classifier = AveragedClassifier(shape, n_classes, network)

    def optimisers(self, rate: float) -> dict[str, torch.optim.Optimizer]:
        """Adam for each player."""
        return {
            "generator": adam(self.layers, rate),
            "discriminator": adam(self.discriminator, rate),
            "classifier": adam(self.classifier, rate, WEIGHT_DECAY),
        }

    def begin(self, epoch: int, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Who plays in this epoch, and the learning rate; ``rate`` is kept beside it."""
        self.epoch = epoch
        for optimiser in optimisers.values():
            for group in optimiser.param_groups:
                group.setdefault("first_rate", group["lr"])
                decayed = group["first_rate"] * DECAY ** max(0, epoch - self.generated_from)
                group["lr"] = ALONE_RATE if epoch < self.game_from else decayed

    def step(self, examples: Tensor, optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
        """(batch, pixels + 1), the class in the last column or −1: a step of each player; their losses before it."""
        x, labels = labelled_part(examples)
        others = unlabelled_part(examples)
        if len(x) == len(examples):
            logits = of_others = self.classifier(x)
        else:
            logits, of_others = self.classifier(torch.cat([x, others])).tensor_split([len(x)])
        supervised = cross_entropy(logits, labels)
        loss, told_apart, fooled = supervised, torch.zeros(()), torch.zeros(())
        if self.epoch >= self.game_from:
            classes = of_others.detach().argmax(dim=1)
            # few labelled pairs among many, or the discriminator learns them by heart
            few = len(x) if len(x) == len(examples) else max(1, len(x) // LABELLED_PAIRS)
            told_apart = self._discriminate(x[:few], labels[:few], others, classes, optimisers["discriminator"])
            drawn = torch.randint(self.n_classes, (len(others),), device=x.device)
            generated = self.generate(self._beside(drawn))
            fooled = ALPHA * F.softplus(-self.discriminator(generated, drawn)).mean()
            descend(optimisers["generator"], fooled)
            with torch.no_grad():
                refused = F.softplus(-self.discriminator(others, classes))
            loss = loss + ALPHA * fooling(of_others, refused)
            if self.epoch >= self.generated_from:
                loss = loss + GENERATED * cross_entropy(self.classifier(generated.detach()), drawn)
        if len(others):
            balance = BALANCE if self.epoch >= self.game_from else ALONE_BALANCE
            loss = loss + ENTROPY * entropy(of_others) + balance * imbalance(of_others)
        descend(optimisers["classifier"], loss)
        self.classifier.follow()
        noted = {"classifier": supervised, "discriminator": told_apart, "generator": fooled}
        return {name: value.detach() for name, value in noted.items()}

    def _discriminate(
        self, x: Tensor, labels: Tensor, others: Tensor, classes: Tensor, optimiser: torch.optim.Optimizer
    ) -> Tensor:
        """A step of the discriminator; its loss before it."""
        half = len(others) // 2
        real, of_real = torch.cat([x, others[:half]]), torch.cat([labels, classes[:half]])
        drawn = torch.randint(self.n_classes, (len(others),), device=x.device)
        with torch.no_grad():
            generated = self.generate(self._beside(drawn))
        images = torch.cat([real, generated, others[half:]])
        scores = self.discriminator(images, torch.cat([of_real, drawn, classes[half:]]))
        on_real, on_generated, on_classified = scores.tensor_split([len(real), len(real) + len(generated)])
        loss = pair_loss(on_real, on_generated, on_classified)
        descend(optimiser, loss)
        return loss

    def predict(self, x: Tensor) -> Tensor:
        """(n, pixels) from 0 to 1 → (n, classes): the largest is the class."""
        return self.classifier.predict(x)

    def prior(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """(n, latent + classes), z and a class that is 1."""
        device = generator.device if generator else next(self.parameters()).device
        return self._beside(torch.randint(self.n_classes, (n,), generator=generator, device=device), generator)

    @torch.no_grad()
    def sample_of(self, labels: Tensor, seed: int) -> Tensor:
        """(n,) classes → (n, pixels) from 0 to 1."""
        return self.generate(self._beside(labels, torch.Generator().manual_seed(seed)))

    def _beside(self, labels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        z = torch.rand(len(labels), self.own_latent, generator=generator, device=labels.device)
        return torch.cat([z, F.one_hot(labels, self.n_classes).to(z.dtype)], dim=1).to(next(self.parameters()).device)


def pair_loss(on_real: Tensor, on_generated: Tensor, on_classified: Tensor) -> Tensor:
    """−E log D(real) − (1 − α) E log(1 − D(generated)) − α E log(1 − D(classified)), of logits, α = `ALPHA`."""
    refused = (1 - ALPHA) * F.softplus(on_generated).mean() + ALPHA * F.softplus(on_classified).mean()
    return F.softplus(-on_real).mean() + refused


def fooling(logits: Tensor, refused: Tensor) -> Tensor:
    """Mean of p(ŷ | x) times −log D(x, ŷ), ŷ the most probable class: lower where D refuses and p is unsure.

    Args:
        logits: (n, classes) of the classifier.
        refused: (n,) −log D(x, ŷ), without a gradient.
    """
    return (torch.softmax(logits, dim=1).amax(dim=1) * refused).mean()


def entropy(logits: Tensor) -> Tensor:
    """The mean entropy of (n, classes), in nats."""
    log_p = torch.log_softmax(logits, dim=1)
    return -(log_p.exp() * log_p).sum(dim=1).mean()


def imbalance(logits: Tensor) -> Tensor:
    """−1/K Σ_y log of the mean of p(y | x): log K where the classes are equally frequent, and more elsewhere."""
    return -torch.log(torch.softmax(logits, dim=1).mean(dim=0) + 1e-8).mean()
