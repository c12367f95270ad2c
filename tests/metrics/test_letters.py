"""Whether letters are read."""

import torch

from course_lib.data.letters import sheet
from course_lib.metrics import letters


def test_true_letters_are_read_and_others_are_not():
    alphabets = sheet("test")[::2, :, None].expand(-1, -1, 3, -1, -1) / 127.5 - 1
    truth = torch.arange(26).repeat(len(alphabets))
    right, of = letters.legible(alphabets.flatten(0, 1), truth).sum(0)
    assert 0.9 < right / of < 1 and of == len(truth)
    assert letters.legible(alphabets.flatten(0, 1), truth.roll(1))[:, 0].mean() < 0.05
