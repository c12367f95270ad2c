"""Convolutions as products: the same numbers and gradients as torch's, where maps are small."""

import pytest
import torch

from course_lib.networks.small_maps import Conv2d, ConvTranspose2d

LAYERS = {
    "down": (Conv2d, (6, 5, 4, 2, 1), {}),
    "same": (Conv2d, (6, 5, 3, 1, 1), {"bias": False}),
    "to one place": (Conv2d, (6, 5, 4), {}),
    "up": (ConvTranspose2d, (6, 5, 4, 2, 1), {}),
    "up by 3x3": (ConvTranspose2d, (6, 5, 3, 2, 1, 1), {"bias": False}),
    "up by 5x5": (ConvTranspose2d, (6, 5, 5, 2, 2, 1), {}),
}


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_product_is_the_convolution(layer, memory):
    cls, arguments, options = LAYERS[layer]
    ours = cls(*arguments, **options).double().to(memory_format=memory)
    plain = cls.__base__(*arguments, **options).double()
    plain.load_state_dict(ours.state_dict())
    for shape in ((1, 6, 4, 4), (3, 6, 4, 4), (2, 6, 6, 4)):
        x = torch.randn(shape, dtype=torch.float64)
        found = []
        for net in (ours, plain):
            net.zero_grad()
            seen = x.clone().contiguous(memory_format=memory).requires_grad_()
            out = net(seen)
            out.square().sum().backward()
            found.append([out, seen.grad, *(p.grad for p in net.parameters())])
        for own, true in zip(*found, strict=True):
            assert own.shape == true.shape and torch.allclose(own, true, rtol=1e-12, atol=1e-12)
        assert (
            ours.weight.grad.stride() == ours.weight.stride()
        )  # the optimiser need not turn it around


def test_elsewhere_it_is_torchs_own():
    """With many places, and where nothing learns: translations do not change by a bit."""
    for cls, arguments, options in LAYERS.values():
        ours, plain = cls(*arguments, **options), cls.__base__(*arguments, **options)
        plain.load_state_dict(ours.state_dict())
        many = torch.randn(1, 6, 24, 24)
        assert torch.equal(ours(many), plain(many))
        with torch.no_grad():
            assert torch.equal(ours(many[..., :4, :4]), plain(many[..., :4, :4]))
