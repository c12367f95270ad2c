"""Twenty steps of each method say the same on this machine as when they were stored."""

import pytest
import torch

from course_lib.methods import METHODS
from tools import golden


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_the_losses_are_those_stored_with_one_thread_and_with_two(name):
    before, far = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        far.append(golden.distance(golden.terms(name), golden.stored()[name]))
    torch.set_num_threads(before)
    assert max(far) < golden.BOUNDS["float32"]
    assert torch.backends.cudnn.allow_tf32, "what is timed after this is timed without TF32"
