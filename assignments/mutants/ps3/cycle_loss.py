"""Wrong and right solutions of ``cycle_loss``, problem set 3."""

RIGHT = """
ok_textbook | As in the text.
def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).abs().mean()
    backward = (G_xy(G_yx(y)) - y).abs().mean()
    return lambda_forward * forward + lambda_backward * backward

ok_counts | Sums over the number of elements.
def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    fake_y, fake_x = G_xy(x), G_yx(y)
    forward = abs(x - G_yx(fake_y)).sum() / x.numel()
    backward = abs(y - G_xy(fake_x)).flatten(1).mean(1).mean()
    return lambda_forward * forward + lambda_backward * backward

ok_functional | l1_loss, other names.
def cycle_loss(there, back, a, b, w_a, w_b):
    return w_a * F.l1_loss(back(there(a)), a) + w_b * F.l1_loss(there(back(b)), b)

ok_module | A module and a loop.
from torch import nn


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    distance, total = nn.L1Loss(), 0
    for first, second, image, weight in ((G_xy, G_yx, x, lambda_forward), (G_yx, G_xy, y, lambda_backward)):
        total = total + weight * distance(image, second(first(image)))
    return total
"""

WRONG = """
backward_only | The forward cycle is left out. | forward cycle
-    forward = (G_yx(G_xy(x)) - x).abs().mean()
~ return lambda_forward * forward + lambda_backward -> return lambda_backward

fake_detached | The fake is detached on its way back. | gradient that reaches
~ G_xy(x) -> G_xy(x).detach()
~ G_yx(y) -> G_yx(y).detach()

forward_only | The backward cycle is left out. | backward cycle
-    backward = (G_xy(G_yx(y)) - y).abs().mean()
-    return lambda_forward * forward + lambda_backward * backward
+    return lambda_forward * forward

halved | The mean of both. | half
~ lambda_forward * forward + lambda_backward * backward -> (lambda_forward * forward + lambda_backward * backward) / 2

l2 | Squares in place of absolute values. | squared
~ (G_yx(G_xy(x)) - x).abs() -> (G_yx(G_xy(x)) - x).square()
~ (G_xy(G_yx(y)) - y).abs() -> (G_xy(G_yx(y)) - y).square()

minus | The sign is turned around. | sign
~ lambda_forward * forward + lambda_backward -> -lambda_forward * forward - lambda_backward

no_abs | The absolute value is taken of the mean. | before the absolute
~ (G_yx(G_xy(x)) - x).abs().mean() -> (G_yx(G_xy(x)) - x).mean().abs()
~ (G_xy(G_yx(y)) - y).abs().mean() -> (G_xy(G_yx(y)) - y).mean().abs()

no_grad | The cycles run under no_grad. | no_grad
-    forward = (G_yx(G_xy(x)) - x).abs().mean()
-    backward = (G_xy(G_yx(y)) - y).abs().mean()
-    return lambda_forward * forward + lambda_backward * backward
+    with torch.no_grad():
+        rec_x, rec_y = G_yx(G_xy(x)), G_xy(G_yx(y))
+    return lambda_forward * (rec_x - x).abs().mean() + lambda_backward * (rec_y - y).abs().mean()

one_way | A translation is compared with its input. | there and back
~ G_yx(G_xy(x)) -> G_xy(x)
~ G_xy(G_yx(y)) -> G_yx(y)

one_weight | Both cycles have the first weight. | one weight
~ forward + lambda_backward * backward -> (forward + backward)

same_generator | The same generator brings an image back. | One generator
~ G_yx(G_xy(x)) -> G_xy(G_xy(x))
~ G_xy(G_yx(y)) -> G_yx(G_yx(y))

sum | Sums in place of means. | sum where a mean
~ (G_yx(G_xy(x)) - x).abs().mean() -> (G_yx(G_xy(x)) - x).abs().sum()
~ (G_xy(G_yx(y)) - y).abs().mean() -> (G_xy(G_yx(y)) - y).abs().sum()

sum_per_image | The norm of each image is a sum. | sum where a mean
~ (G_yx(G_xy(x)) - x).abs().mean() -> (G_yx(G_xy(x)) - x).abs().sum((1, 2, 3)).mean()
~ (G_xy(G_yx(y)) - y).abs().mean() -> (G_xy(G_yx(y)) - y).abs().sum((1, 2, 3)).mean()

weight_10 | The paper's weight is written in. | fixed
~ lambda_forward * forward + lambda_backward * backward -> 10 * (forward + backward)

weights_dropped | The weights are left out. | weights are missing
~ return lambda_forward * forward + lambda_backward * backward -> return forward + backward

weights_swapped | The weights change places. | change places
~ lambda_forward * forward + lambda_backward -> lambda_backward * forward + lambda_forward

wrong_domain | The cycle from x is compared with y. | compared with another
~ - x -> - y
~ - y -> - x

wrong_start | x goes through the generator that takes y. | wrong domain
~ G_yx(G_xy(x)) -> G_xy(G_yx(x))
~ G_xy(G_yx(y)) -> G_yx(G_xy(y))
"""
