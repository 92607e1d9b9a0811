"""What a model's memory attends to, and what its slots draw."""

from __future__ import annotations

import pytest
import torch

from dgmbench.models.images.slots import memory_attention, slot_images
from dgmbench.models.images.vae import VAE


def memory_model(attention: str = "softmax") -> VAE:
    torch.manual_seed(0)
    model = VAE(30, (16, 12), 5, True, slots=(7, 3), attention=attention)
    with torch.no_grad():
        for layer in (model.decoder1, model.decoder2):
            layer.memory.normal_()
            layer.attention.weight.mul_(3)
    return model.eval()


@pytest.mark.parametrize("attention", ["softmax", "sigmoid"])
def test_a_model_s_attention_is_that_of_decoding_next_to_x_first(attention: str) -> None:
    model = memory_model(attention)
    z = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    (near_x, at_x), (near_z, at_z) = memory_attention(model, z)
    assert near_x is model.decoder1 and near_z is model.decoder2
    assert at_x.shape == (9, 7) and at_z.shape == (9, 3)
    with torch.no_grad():
        torch.testing.assert_close(at_x, model.decoder1.weights(model.decoder1.hidden(model.decoder2(z))))
    before = model.decode(z)
    memory_attention(model, z)
    torch.testing.assert_close(model.decode(z), before)  # no hook stays behind


def test_a_model_without_memory_has_none_to_show() -> None:
    assert memory_attention(VAE(30, (16, 12), 5).eval(), torch.zeros(2, 5)) == []


def test_a_slot_s_image_is_its_row_of_the_memory_decoded_alone() -> None:
    model = memory_model()
    with torch.no_grad():
        rows = torch.relu(model.decoder1.memory.T)  # h = 0 and all attention on one slot: ReLU(0 + M_i)
        expected = torch.sigmoid(model.output(rows))
        torch.testing.assert_close(slot_images(model, model.decoder1, 5), expected)
        rows = torch.relu(model.decoder2.memory.T)
        expected = torch.sigmoid(model.output(model.decoder1(rows)))
        torch.testing.assert_close(slot_images(model, model.decoder2, 5), expected)
        ordinary = model.decode(torch.zeros(7, 5))
    assert not torch.allclose(torch.sigmoid(ordinary), slot_images(model, model.decoder1, 5))
    torch.testing.assert_close(model.decode(torch.zeros(7, 5)), ordinary)
