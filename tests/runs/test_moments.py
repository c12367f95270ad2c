"""What is kept of a training to show how the network learned."""

import torch

from course_lib.data import open_dataset
from course_lib.runs import moments


def test_eight_are_chosen_all_over_the_data_and_none_that_is_not_shown():
    data = open_dataset("emoji:edges", "test", 16)
    found = moments.chosen(data)
    assert len(found) == 8 and set(found) <= set(data.shown) and found[-1] > 0.8 * len(data)
    assert moments.chosen(torch.utils.data.TensorDataset(torch.zeros(5))) == [0, 1, 2, 3, 4]
