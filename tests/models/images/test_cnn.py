"""The convolutional networks: the protocol's shapes, the same contract as the dense ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dgmbench.models.images.cnn import CNN, Convolution, double, halve
from dgmbench.models.images.memory import MemoryLayer
from dgmbench.models.images.slots import memory_attention, slot_images


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
    with torch.no_grad():
        model.train().log_weights(images(20), 1)
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


@pytest.mark.parametrize("memory", [False, True])
def test_the_loss_is_made_of_the_log_weights(memory: bool) -> None:
    model = small(memory)
    torch.manual_seed(3)
    values = model.loss(images(6))
    torch.manual_seed(3)
    torch.testing.assert_close(model.log_weights(images(6), 1).mean().detach(), values["bound"])
    error = values.get("local_error", torch.zeros(()))
    assert bool(error > 0) == memory
    torch.testing.assert_close(values["loss"].detach(), 0.1 * error - values["bound"])


@pytest.mark.parametrize(("memory", "attention"), [(False, "sigmoid"), (True, "sigmoid"), (True, "softmax")])
def test_every_parameter_gets_a_gradient(memory: bool, attention: str) -> None:
    model = small(memory, attention)
    model.loss(images(10))["loss"].backward()
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    # before a batch norm a bias cancels: what gradient there is, is rounding
    assert without <= {"dense.linear.bias", "dense.hidden.linear.bias"}


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


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="784 pixels, not of 128"):
        CNN(128)
