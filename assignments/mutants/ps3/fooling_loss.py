"""Wrong and right solutions of ``fooling_loss``, problem set 3."""

RIGHT = """
ok_textbook | As in the text.
def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean()

ok_module | A module, with the discriminators frozen meanwhile.
from torch import nn


def fooling_loss(D_x, D_y, fake_x, fake_y):
    distance, total = nn.MSELoss(), 0
    for D, fake in ((D_x, fake_x), (D_y, fake_y)):
        D.requires_grad_(False)
        output = D(fake)
        D.requires_grad_(True)
        total = total + distance(output, output.new_ones(output.shape))
    return total
"""

WRONG = """
detached | The fakes are detached, as they are for D. | detach
~ D_y(fake_y) -> D_y(fake_y.detach())
~ D_x(fake_x) -> D_x(fake_x.detach())

freezes | D_y is frozen, and stays so. | frozen
~ return (D_y(fake_y) -> return (D_y.requires_grad_(False)(fake_y)

judges_swapped | Each fake goes to the other discriminator. | change places
~ D_y(fake_y) -> D_y(fake_x)
~ D_x(fake_x) -> D_x(fake_y)

log_loss | The log loss of pix2pix. | log loss
-    return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean()
+    return F.softplus(-D_y(fake_y)).mean() + F.softplus(-D_x(fake_x)).mean()

only_x | The other generator only. | is missing
~ return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1) -> return (D_x(fake_x) - 1)

sigmoid | The outputs go through a sigmoid. | sigmoid
~ D_y(fake_y) -> D_y(fake_y).sigmoid()
~ D_x(fake_x) -> D_x(fake_x).sigmoid()

sum | Sums in place of means. | sum where a mean
~ (D_y(fake_y) - 1).square().mean() -> (D_y(fake_y) - 1).square().sum()
~ (D_x(fake_x) - 1).square().mean() -> (D_x(fake_x) - 1).square().sum()

target_0 | D's target for fakes. | want D to say
~ D_y(fake_y) - 1 -> D_y(fake_y)
~ D_x(fake_x) - 1 -> D_x(fake_x)
"""
