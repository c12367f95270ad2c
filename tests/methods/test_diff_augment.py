"""DiffAugment against what its authors publish, image by image, and in the methods that have it."""

from dataclasses import replace

import pytest
import torch

from course_lib.methods.diff_augment import diff_augment
from tests.methods import contract
from tests.methods.test_contract import CASES


def reference(y, x=None):
    """T of each image in float64, pixel by pixel; draws in the order of the paper's operations."""
    b, _, h, w = y.shape
    brightness, saturation, contrast = torch.rand(3, b).double()
    moved = [torch.randint(-round(s / 8), round(s / 8) + 1, (b,)).tolist() for s in (h, w)]
    centres = [torch.randint(s + 1 - (s // 2) % 2, (b,)).tolist() for s in (h, w)]
    out = []
    for i, image in enumerate(y.double()):
        image = image + brightness[i] - 0.5
        image = saturation[i] * 2 * image + (1 - saturation[i] * 2) * image.mean(0)
        image = (contrast[i] + 0.5) * image + (0.5 - contrast[i]) * image.mean()
        whole = image if x is None else torch.cat([x[i].double(), image])
        new = torch.zeros_like(whole)
        for row in range(h):
            for column in range(w):
                r, c = row + moved[0][i], column + moved[1][i]
                inside = 0 <= r < h and 0 <= c < w
                top, left = centres[0][i] - h // 4, centres[1][i] - w // 4
                is_cut = top <= row < top + h // 2 and left <= column < left + w // 2
                if inside and not is_cut:
                    new[:, row, column] = whole[:, r, c]
        out.append(new)
    return torch.stack(out)


@pytest.mark.parametrize("pair", [False, True])
def test_it_is_the_authors_and_moves_x_with_y_but_does_not_colour_it(pair):
    y, x = torch.rand(2, 9, 3, 16, 24) * 2 - 1
    for seed in range(4):
        torch.manual_seed(seed)
        ours = diff_augment(torch.cat([x, y], dim=1) if pair else y)
        torch.manual_seed(seed)
        assert torch.allclose(ours.double(), reference(y, x if pair else None), atol=1e-6)


PROMISES = (contract.resumes_to_the_bit, contract.bfloat16_stays_close)
PROMISES += (contract.gradients_stay_with_their_owners, contract.any_batch_will_do)


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan", "dcgan"])
@pytest.mark.parametrize("promise", PROMISES)
def test_methods_keep_their_promises_with_it(promise, name, tmp_path):
    case = CASES[name]
    promise(replace(case, small=case.small | {"diff_augment": True}), tmp_path)
    plain, other = case.make(), case.make(diff_augment=True)
    assert contract.step(plain, case.batch()) != contract.step(other, case.batch())
