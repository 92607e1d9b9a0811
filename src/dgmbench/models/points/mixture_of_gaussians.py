"""A mixture of Gaussians, fitted by expectation-maximisation: its log-likelihood is exact."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import kmeans_plusplus
from torch import Tensor, nn

from dgmbench.errors import UserError
from dgmbench.models.em import (
    Fitted,
    MixtureFit,
    Parameters,
    best,
    checkpoint_in,
    climb,
    hold,
    possible,
    require_numbers,
    rows_of,
    takes_any_number_of_components,
)
from dgmbench.run.checkpoint import Checkpoint
from dgmbench.run.progress import each_of

log = logging.getLogger("dgmbench")

COVARIANCES = ("full", "diagonal", "spherical")
_NAME = "mixture of Gaussians"


class MixtureOfGaussians(nn.Module):
    """p(x) = Σ_k π_k N(x; μ_k, Σ_k) (Bishop 2006, section 9.2).

    The fit maximises log p(x_1, ..., x_n) − (λ / 2) Σ_k tr Σ_k⁻¹, so that no component can collapse onto a point; λ is
    ``floor`` times the mean variance of the coordinates. Starts are by k-means++ (Arthur, Vassilvitskii 2007). K is the
    number of components with the lowest Bayesian information criterion p log n − 2 log p(x_1, ..., x_n), p the number
    of free parameters (Schwarz 1978).

    Example:
        >>> model = MixtureOfGaussians(components=[1, 2])
        >>> model.fit(np.random.default_rng(0).standard_normal((50, 2))).components
        1
    """

    data = "points"
    weights: Tensor
    means: Tensor
    covariances: Tensor

    def __init__(
        self,
        components: Sequence[int] = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30),
        covariance: str = "full",
        starts: int = 5,
        iterations: int = 500,
        tolerance: float = 1e-7,
        floor: float = 1e-4,
    ) -> None:
        """
        Args:
            components: numbers of components K to choose from.
            covariance: ``full``, ``diagonal`` or ``spherical``.
            starts: of each K; the best is kept.
            iterations: steps at most.
            tolerance: nats per point; a smaller gain ends the steps.
            floor: see the class.
        """
        super().__init__()
        require_numbers(components)
        if covariance not in COVARIANCES:
            raise ValueError(f"covariance is {covariance!r}; give one of {', '.join(COVARIANCES)}")
        if min(starts, iterations) < 1:
            raise ValueError("starts and iterations are at least 1 each")
        if not floor > 0:
            raise ValueError(f"floor is {floor}; give a number above 0")
        self.components, self.covariance, self.floor = components, covariance, floor
        self.starts, self.iterations, self.tolerance = starts, iterations, tolerance
        empty = torch.empty(0).double()
        hold(self, {"weights": empty, "means": empty[:, None], "covariances": empty[:, None, None]})
        takes_any_number_of_components(self)

    @property
    def at_least(self) -> int:
        """The examples that a fit needs."""
        return min(self.components)

    def fit(
        self,
        x: Tensor | np.ndarray,
        held_out: Tensor | np.ndarray | None = None,
        *,
        seed: int = 0,
        state: Path | None = None,
        fingerprint: str = "",
    ) -> MixtureFit:
        """Choose K, and learn ``weights`` (K,), ``means`` (K, d) and ``covariances`` (K, d, d).

        Args:
            x: (n, d).
            held_out: not needed: the criterion is computed from ``x``.
            state: a folder for what resumes the fit when it is killed.
            fingerprint: see `Checkpoint`.

        Raises:
            UserError: another shape, NaN or infinity, points that are all the same, or fewer points than components.
        """
        points, checkpoint = rows_of(x, _NAME).double(), checkpoint_in(state, fingerprint)
        penalty = self.floor * float(points.var(dim=0, correction=0).mean())
        if not penalty > 0:
            raise UserError(f"{_NAME}: all {len(points)} points are the same: they have no variance to fit")
        fits, criterion = dict[int, Fitted](), dict[int, float]()
        for k in each_of(f"{_NAME}: K", possible(self.components, len(points), _NAME)):
            fits[k] = self._fitted(points, k, penalty, seed, checkpoint)
            log_likelihood = float(torch.logsumexp(_log_joint(points, fits[k].parameters), dim=1).sum())
            criterion[k] = self.free_parameters(k, points.shape[1]) * math.log(len(points)) - 2 * log_likelihood
            log.info("%d components: Bayesian information criterion %.1f", k, criterion[k])
        chosen = min(criterion, key=criterion.__getitem__)
        hold(self, fits[chosen].parameters)
        free = self.free_parameters(chosen, points.shape[1])
        scores = {k: -value for k, value in criterion.items()}
        return MixtureFit(fits[chosen].bounds, chosen, free, scores, checkpoint.earlier)

    def _fitted(self, x: Tensor, k: int, penalty: float, seed: int, checkpoint: Checkpoint) -> Fitted:
        """The best fit of k components."""

        def step(parameters: Parameters) -> tuple[Parameters, float]:
            return _step(x, parameters, self.covariance, penalty)

        fits = []
        for number in range(self.starts):
            first = start(x, k, self.covariance, penalty, seed=[seed, k, number])
            of_start = checkpoint.part(f"{k}-start-{number}")
            fits.append(climb(first, step, self.iterations, self.tolerance, of_start))
        return best(fits)

    def free_parameters(self, k: int, dimensions: int) -> int:
        """Of a mixture of k components."""
        of_covariance = {"full": dimensions * (dimensions + 1) // 2, "diagonal": dimensions, "spherical": 1}
        return k - 1 + k * (dimensions + of_covariance[self.covariance])

    def log_prob(self, x: Tensor | np.ndarray) -> Tensor:
        """(n, d) → (n,) float64, log p(x) in nats, exact."""
        names = ("weights", "means", "covariances")
        points = torch.as_tensor(x).to(self.weights)
        return torch.logsumexp(_log_joint(points, {name: getattr(self, name) for name in names}), dim=1)

    def sample(self, n: int, seed: int) -> Tensor:
        """(n, d) float64."""
        generator = torch.Generator(self.weights.device).manual_seed(seed)
        component = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], 1, generator=generator, dtype=torch.float64)
        factors = torch.linalg.cholesky(self.covariances)
        return self.means[component] + (factors[component] @ noise)[..., 0]


def start(x: Tensor, k: int, covariance: str, penalty: float, seed: Sequence[int]) -> Parameters:
    """What the points give when each belongs to the nearest of k centres, which k-means++ takes from them."""
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    centres, _ = kmeans_plusplus(x.cpu().numpy(), k, random_state=random)
    nearest = torch.cdist(x, torch.as_tensor(centres).to(x)).argmin(dim=1)
    return _maximised(x, nn.functional.one_hot(nearest, k).to(x), covariance, penalty)


def _log_joint(x: Tensor, parameters: Parameters) -> Tensor:
    """(n, d) → (n, K): log π_k + log N(x; μ_k, Σ_k)."""
    factors = torch.linalg.cholesky(parameters["covariances"])  # (K, d, d)
    centred = (x - parameters["means"][:, None]).mT  # (K, d, n)
    squares = torch.linalg.solve_triangular(factors, centred, upper=False).square().sum(dim=1)  # (K, n)
    log_volume = factors.diagonal(dim1=1, dim2=2).log().sum(dim=1) + 0.5 * x.shape[1] * math.log(2 * math.pi)
    return parameters["weights"].log() - log_volume - 0.5 * squares.T


def _step(x: Tensor, parameters: Parameters, covariance: str, penalty: float) -> tuple[Parameters, float]:
    """The parameters that follow, and the bound of these, in nats per point."""
    joint = _log_joint(x, parameters)
    log_p = torch.logsumexp(joint, dim=1, keepdim=True)
    traces = torch.linalg.inv(parameters["covariances"]).diagonal(dim1=1, dim2=2).sum()
    bound = float(log_p.sum() - 0.5 * penalty * traces) / len(x)
    return _maximised(x, (joint - log_p).exp(), covariance, penalty), bound


def _maximised(x: Tensor, responsibilities: Tensor, covariance: str, penalty: float) -> Parameters:
    """The maximum of the expected log-likelihood less the penalty, given (n, K) responsibilities."""
    counts = responsibilities.sum(dim=0).clamp_min(1e-12)  # (K,)
    means = responsibilities.T @ x / counts[:, None]
    centred = x - means[:, None]  # (K, n, d)
    scatter = (centred * (responsibilities.T / counts[:, None])[..., None]).mT @ centred  # (K, d, d)
    identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    if covariance != "full":
        variances = scatter.diagonal(dim1=1, dim2=2)
        if covariance == "spherical":
            variances = variances.mean(dim=1, keepdim=True).expand_as(variances)
        scatter = torch.diag_embed(variances)
    covariances = scatter + (penalty / counts)[:, None, None] * identity
    return {"weights": counts / counts.sum(), "means": means, "covariances": covariances}
