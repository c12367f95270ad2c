"""Wrong and right solutions of ``generator_loss_ls``, problem set 1."""

RIGHT = """
ok_square | The square.
def generator_loss_ls(fake_outputs):
    return (fake_outputs - 1).square().mean()

ok_module | The module, other names.
from torch import nn

criterion = nn.MSELoss()


def generator_loss_ls(output):
    return criterion(output, output.new_ones(output.shape))
"""

WRONG = """
detached | The outputs are detached. | detach()
~ fake_outputs - 1 -> fake_outputs.detach() - 1

halved | Halved. | half
~ (fake_outputs - 1) -> 0.5 * (fake_outputs - 1)

l1 | Absolute errors in place of squared ones. | absolute
~ (fake_outputs - 1).square().mean() -> F.l1_loss(fake_outputs, torch.ones_like(fake_outputs))

labels_flipped | Fakes get the target 0, as for D. | view of fakes
~ (fake_outputs - 1) -> fake_outputs

sigmoid | A sigmoid before the square. | sigmoid
~ fake_outputs - 1 -> torch.sigmoid(fake_outputs) - 1

sign | Minus the loss. | sign
~ (fake_outputs - 1).square().mean() -> -F.mse_loss(fake_outputs, torch.ones_like(fake_outputs))

square_of_mean | The mean before the square. | before the square
~ (fake_outputs - 1).square().mean() -> (fake_outputs.mean() - 1) ** 2

sum_for_mean | The sum in place of the mean. | mean is asked
~ square().mean() -> square().sum()
"""
