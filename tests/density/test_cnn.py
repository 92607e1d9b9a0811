"""The convolutional networks: the protocol's shapes, the same contract as the dense ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dgmbench.run.config import build_run, read_plan
from dgmbench.errors import UserError
from dgmbench.models.images.cnn import CNN, ConvLayer, Convolution, double, halve
from dgmbench.models.images.layers import BatchNorm, collect_statistics, finish_statistics
from dgmbench.models.images.memory import MemoryLayer
from dgmbench.models.images.slots import memory_attention, slot_images
from dgmbench.models.images.vae import VAE
from dgmbench.run.registry import DENSITY
from dgmbench.tasks.density.building import build_model
from dgmbench.commands.check import findings

NAMES = ("cnn-vae", "cnn-iwae-5", "cnn-mem-vae", "cnn-mem-iwae-5")


def images(n: int) -> torch.Tensor:
    return (torch.rand(n, 784, generator=torch.Generator().manual_seed(0)) < 0.2).float()


def small(memory: bool = True, attention: str = "sigmoid") -> CNN:
    torch.manual_seed(0)
    model = CNN(784, 5, memory, slots=(7, 3), attention=attention)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, MemoryLayer) and not module.soft:
                module.ladder += 0.1 * torch.randn_like(module.ladder)
    return model


def evaluated(model: CNN) -> CNN:
    """With the statistics of a pass over some images."""
    model.train()
    collect_statistics(model)
    with torch.no_grad():
        model.training_terms(images(20), 1)
    finish_statistics(model)
    return model.eval()


@pytest.mark.parametrize("memory", [False, True])
def test_kernels_channels_and_maps_are_the_protocol_s(memory: bool) -> None:
    model = small(memory)
    found = []
    for module in model.modules():
        if isinstance(module, Convolution):
            module.register_forward_hook(
                lambda m, inputs, out: found.append((m.weight.shape[2], out.shape[3], inputs[0].shape[1], out.shape[1]))
            )
    model.log_weights(images(2), 3)
    # kernel, channels, side before, side after
    assert found[:5] == [(5, 32, 28, 24), (3, 32, 12, 12), (3, 64, 12, 10), (3, 64, 5, 5), (3, 64, 5, 5)]
    assert found[5:] == [(3, 64, 5, 5), (3, 64, 5, 5), (3, 32, 10, 12), (3, 32, 12, 12), (5, 1, 24, 28)]


def test_a_convolution_with_channels_last_is_the_ordinary_one() -> None:
    x = torch.randn(4, 9, 9, 3, generator=torch.Generator().manual_seed(1))
    layer = Convolution(3, 6, 3, padding=2)
    expected = F.conv2d(x.permute(0, 3, 1, 2), layer.weight, padding=2)
    torch.testing.assert_close(layer(x), expected.permute(0, 2, 3, 1))


def test_pooling_and_its_way_back() -> None:
    x = torch.arange(16.0).view(1, 4, 4, 1)
    assert halve(x).flatten().tolist() == [5, 7, 13, 15]
    assert double(halve(x))[0, :, :, 0].tolist() == [[5, 5, 7, 7]] * 2 + [[13, 13, 15, 15]] * 2


def test_evaluation_folds_the_batch_norm_without_changing_it() -> None:
    torch.manual_seed(0)
    layer = ConvLayer(3, 6, 3, padding=1).eval()
    with torch.no_grad():
        for value in (layer.norm.mean, layer.norm.scale, layer.norm.shift):
            value.normal_()
        layer.norm.variance.uniform_(0.5, 2)
    x = torch.randn(4, 9, 9, 3)
    pre = layer.convolution(x).permute(0, 3, 1, 2)
    n = layer.norm
    expected = torch.relu(F.batch_norm(pre, n.mean, n.variance, n.scale, n.shift, False, 0.0, BatchNorm.eps))
    torch.testing.assert_close(layer(x), expected.permute(0, 2, 3, 1))


@pytest.mark.parametrize("memory", [False, True])
def test_log_weights_have_a_value_for_each_sample_and_image(memory: bool) -> None:
    model = small(memory)
    assert model.log_weights(images(3), 4).shape == (4, 3)
    terms = model.train().training_terms(images(3), 4)
    assert terms.log_w.shape == (4, 3) and terms.z.shape == (4, 3, 5)
    assert bool(terms.local_error > 0) == memory


@pytest.mark.parametrize(("memory", "attention"), [(False, "sigmoid"), (True, "sigmoid"), (True, "softmax")])
def test_every_parameter_gets_a_gradient(memory: bool, attention: str) -> None:
    model = small(memory, attention).train()
    terms = model.training_terms(images(10), 2)
    (terms.local_error - terms.log_w.mean()).backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    # before a batch norm a bias cancels: what gradient there is, is rounding
    assert without <= {"dense.linear.bias", "dense.hidden.linear.bias"}


def test_the_training_terms_are_the_log_weights() -> None:
    model = small().train()
    x = images(6)
    torch.manual_seed(3)
    terms = model.training_terms(x, 2)
    torch.manual_seed(3)
    torch.testing.assert_close(model.log_weights(x, 2), terms.log_w)


def test_memory_passes_its_hidden_layer_through_at_initialisation() -> None:
    torch.manual_seed(0)
    model = CNN(784, 5, True).train()
    maps = torch.randn(3, 12, 12, 32, generator=torch.Generator().manual_seed(2))
    assert isinstance(model.decoder4, MemoryLayer)
    torch.testing.assert_close(model.decoder4(maps), model.decoder4.hidden(maps))


@pytest.mark.parametrize("memory", [False, True])
def test_evaluation_does_not_depend_on_the_batch(memory: bool) -> None:
    model = evaluated(small(memory))
    x = images(7)
    with torch.no_grad():
        whole, alone = model.encode(x)[0], model.encode(x[4:5])[0]
        # a convolution adds in another order for another number of images: float32 rounding, no more
        torch.testing.assert_close(alone[0], whole[4], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(model.decode(alone)[0], model.decode(whole)[4], rtol=1e-4, atol=1e-4)
        z = torch.randn(2, 3, 5)
        torch.testing.assert_close(model.decode(z)[1, 2], model.decode(z[1, 2:3])[0], rtol=1e-4, atol=1e-4)


def test_its_memories_can_be_looked_into_like_the_dense_ones() -> None:
    model = evaluated(small(attention="softmax"))
    (near_x, at_x), (near_z, at_z) = memory_attention(model, torch.randn(6, 5))
    assert near_x is model.decoder4 and near_z is model.dense
    assert at_x.shape == (6, 7) and at_z.shape == (6, 3)
    torch.testing.assert_close(at_x.sum(1), torch.ones(6))  # of softmax attention, also after the mean over positions
    pictures = slot_images(model, near_x, 5)
    assert pictures.shape == (7, 784)
    # the same slot everywhere: far from the border the image repeats itself
    inner = pictures.view(7, 28, 28)[:, 8:20, 8:20]
    torch.testing.assert_close(inner, inner[:, :1, :1].expand_as(inner))
    assert slot_images(model, near_z, 5).shape == (3, 784)


@pytest.mark.network
@pytest.mark.parametrize("name", NAMES)
def test_every_registered_network_fits_the_benchmark(name: str) -> None:
    assert findings(build_run("density", "mnist", name, 0, [], "test")) == []


def test_names_tell_the_proxy_its_k_and_its_memory() -> None:
    assert all("proxy" in DENSITY[name].about for name in NAMES)
    assert DENSITY["cnn-iwae-5"].settings == {"importance_samples": 5}
    plain, memory = (build_model(build_run("density", "mnist", n, 0, [], "test"), 784) for n in ("cnn-vae", NAMES[2]))
    assert not plain.memory and memory.memory


@pytest.mark.parametrize("name", NAMES)
def test_other_datasets_are_refused_before_anything_runs(name: str) -> None:
    with pytest.raises(UserError) as caught:
        read_plan({"density": {"datasets": ["mnist", "ocr-letters"], "models": ["vae", name]}})
    assert str(caught.value) == f"config.density.models.{name}: {name} is for mnist only, not ocr-letters"
    with pytest.raises(ValueError, match="784 pixels, not of 128"):
        CNN(128)


def test_the_dense_networks_take_every_dataset() -> None:
    assert all(not entry.datasets for entry in DENSITY.values() if entry.factory.endswith(VAE.__name__))
