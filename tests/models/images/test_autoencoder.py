"""The auto-encoders, the noise that one of them sees through, principal components, and pixels as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dgmbench.models.images.autoencoder import AutoEncoder
from dgmbench.models.images.corruption import KINDS, corrupt
from dgmbench.models.images.pca import PCA
from dgmbench.models.images.pixels import Pixels

NOISES = ["masking", "salt-and-pepper"]


def images(n: int = 40, pixels: int = 12) -> torch.Tensor:
    return (torch.rand(n, pixels, generator=torch.Generator().manual_seed(1)) < 0.4).float()


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("noise", KINDS)
def test_shapes_and_gradients(tied: bool, noise: str) -> None:
    model, x = AutoEncoder(12, 5, tied=tied, noise=noise), images()
    h = model.encode(x)
    assert h.shape == (40, 5) and model.decode(h).shape == x.shape and bool(((h > 0) & (h < 1)).all())
    model.loss(x)["loss"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    # W, b and b'; without ties W' beside them
    assert sum(p.numel() for p in model.parameters()) == 12 * 5 + 5 + 12 + (0 if tied else 12 * 5)


@pytest.mark.parametrize("tied", [True, False])
def test_the_loss_is_the_cross_entropy_by_hand(tied: bool) -> None:
    torch.manual_seed(0)
    model, x = AutoEncoder(12, 5, tied=tied), images()
    w = model.encoder.weight
    h = 1 / (1 + torch.exp(-(x @ w.T + model.encoder.bias)))
    back = (w.T, model.bias) if model.decoder is None else (model.decoder.weight, model.decoder.bias)
    p = 1 / (1 + torch.exp(-(h @ back[0].T + back[1])))  # type: ignore[operator]
    by_hand = -(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean()
    torch.testing.assert_close(model.loss(x)["loss"], by_hand)


@pytest.mark.parametrize("noise", NOISES)
def test_a_denoising_loss_compares_with_the_clean_image(noise: str) -> None:
    torch.manual_seed(0)
    model, x = AutoEncoder(12, 5, noise=noise, level=1.0), images()
    if noise == "masking":  # nothing of x is left: the code is that of a black image
        model_of_black = model.decode(model.encode(torch.zeros_like(x)))
        expected = torch.nn.functional.binary_cross_entropy_with_logits(model_of_black, x, reduction="none").sum(1)
        torch.testing.assert_close(model.loss(x)["loss"], expected.mean())
    level_zero = AutoEncoder(12, 5, noise=noise, level=0.0)
    level_zero.load_state_dict(model.state_dict())
    plain = AutoEncoder(12, 5)
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(level_zero.loss(x)["loss"], plain.loss(x)["loss"])


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("level", [0.0, 0.1, 0.25, 0.6, 1.0])
def test_noise_destroys_so_many_pixels(noise: str, level: float) -> None:
    x = torch.full((200, 100), 0.5)
    found = corrupt(x, noise, level, torch.Generator().manual_seed(0))
    assert (found != x).float().mean().item() == pytest.approx(level, abs=0.015)
    assert set(found[found != x].tolist()) <= ({0.0, 1.0} if noise == "salt-and-pepper" else {0.0})
    if noise == "salt-and-pepper" and level:
        assert found[found != x].mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(found, corrupt(x, noise, level, torch.Generator().manual_seed(0)))
    assert not level or not torch.equal(found, corrupt(x, noise, level, torch.Generator().manual_seed(1))) or level == 1


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"noise": "snow"}, "unknown noise 'snow'; choose one of none, masking, salt-and-pepper"),
        ({"level": 1.5}, "a level of 1.5; give a probability from 0 to 1"),
        ({"level": -0.1}, "a level of -0.1"),
        ({"hidden": 0}, "give at least 1 of each"),
        ({"hidden": -3}, "give at least 1 of each"),
    ],
)
def test_options_that_make_no_model(options: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        AutoEncoder(12, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("components", [1, 2, 5, 11, 12])
def test_principal_components_leave_the_other_eigenvalues(components: int) -> None:
    x = torch.randn(80, 12, generator=torch.Generator().manual_seed(2)) * torch.arange(1.0, 13) + 3
    model = PCA(12, components).fit(x)
    eigenvalues = np.linalg.eigvalsh(np.cov(x.numpy().astype(float), rowvar=False, bias=True))
    error = (model.reconstruct(model.encode(x)) - x).square().sum(1).mean().item()
    assert error == pytest.approx(eigenvalues[: 12 - components].sum(), rel=1e-4, abs=1e-6)
    z = model.encode(x)
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-4)
    assert np.allclose(np.cov(z.numpy().T, bias=True), np.diag(eigenvalues[::-1][:components]), rtol=1e-3, atol=1e-3)


def test_principal_components_are_scikit_learn_s() -> None:
    import sklearn.decomposition

    x = torch.randn(80, 12, generator=torch.Generator().manual_seed(3)) * torch.arange(1.0, 13)
    ours, theirs = PCA(12, 4).fit(x), sklearn.decomposition.PCA(4).fit(x.numpy())
    signs = np.sign((ours.encoder.weight.numpy() * theirs.components_).sum(1, keepdims=True))
    np.testing.assert_allclose(ours.encoder.weight, signs * theirs.components_, atol=1e-5)
    again = PCA(12, 4)
    again.load_state_dict(ours.state_dict())
    assert torch.equal(again.encode(x), ours.encode(x))


@pytest.mark.parametrize("components", [0, -1, 13])
def test_components_that_there_are_not(components: int) -> None:
    with pytest.raises(ValueError, match=f"{components} components of 12 pixels; give 1 to 12"):
        PCA(12, components)


def test_pixels_are_their_own_code() -> None:
    assert torch.equal(Pixels().encode(images()), images())
