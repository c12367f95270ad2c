"""Wrong and right solutions of ``fooling_loss``, problem set 3."""

RIGHT = """
ok_textbook | As in the text.
def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean()

ok_expanded | The square multiplied out.
def fooling_loss(D_x, D_y, fake_x, fake_y):
    outputs = D_x(fake_x), D_y(fake_y)
    return sum((out**2).mean() - 2 * out.mean() + 1 for out in outputs)

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

ok_mse | mse_loss against ones, other names.
def fooling_loss(A, B, a, b):
    of_a, of_b = A(a), B(b)
    return F.mse_loss(of_a, torch.ones_like(of_a)) + F.mse_loss(of_b, torch.ones_like(of_b))
"""

WRONG = """
detached | The fakes are detached, as they are for D. | detach
~ D_y(fake_y) -> D_y(fake_y.detach())
~ D_x(fake_x) -> D_x(fake_x.detach())

freezes | D_y is frozen, and stays so. | frozen
~ return (D_y(fake_y) -> return (D_y.requires_grad_(False)(fake_y)

halved | The half of LSGAN's paper. | half
-    return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean()
+    return 0.5 * ((D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean())

judges_swapped | Each fake goes to the other discriminator. | change places
~ D_y(fake_y) -> D_y(fake_x)
~ D_x(fake_x) -> D_x(fake_y)

l1 | Absolute errors. | absolute
~ (D_y(fake_y) - 1).square() -> (D_y(fake_y) - 1).abs()
~ (D_x(fake_x) - 1).square() -> (D_x(fake_x) - 1).abs()

log_loss | The log loss of pix2pix. | log loss
-    return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean()
+    return F.softplus(-D_y(fake_y)).mean() + F.softplus(-D_x(fake_x)).mean()

minus | The sign of the loss. | sign
~ (D_y(fake_y) - 1) -> -(D_y(fake_y) - 1)
~ + (D_x(fake_x) - 1) -> - (D_x(fake_x) - 1)

not_reduced | The mean is taken of the images only. | reduction
~ (D_y(fake_y) - 1).square().mean() -> (D_y(fake_y) - 1).square().mean(0)
~ (D_x(fake_x) - 1).square().mean() -> (D_x(fake_x) - 1).square().mean(0)

one_detached | One of the fakes is detached. | fake_x
~ D_x(fake_x) -> D_x(fake_x.detach())

only_x | The other generator only. | is missing
~ return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1) -> return (D_x(fake_x) - 1)

only_y | One generator only. | is missing
~ (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean() -> (D_y(fake_y) - 1).square().mean()

sigmoid | The outputs go through a sigmoid. | sigmoid
~ D_y(fake_y) -> D_y(fake_y).sigmoid()
~ D_x(fake_x) -> D_x(fake_x).sigmoid()

square_of_mean | The mean comes first. | before the square
-    return (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean()
+    return (D_y(fake_y) - 1).mean().square() + (D_x(fake_x) - 1).mean().square()

sum | Sums in place of means. | sum where a mean
~ (D_y(fake_y) - 1).square().mean() -> (D_y(fake_y) - 1).square().sum()
~ (D_x(fake_x) - 1).square().mean() -> (D_x(fake_x) - 1).square().sum()

target_0 | D's target for fakes. | want D to say
~ D_y(fake_y) - 1 -> D_y(fake_y)
~ D_x(fake_x) - 1 -> D_x(fake_x)

target_minus_1 | The sign of the target. | sign
~ D_y(fake_y) - 1 -> D_y(fake_y) + 1
~ D_x(fake_x) - 1 -> D_x(fake_x) + 1

wasserstein | The critic's loss of WGAN. | square
~ (D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square() -> -D_y(fake_y).mean() - D_x(fake_x)
"""
