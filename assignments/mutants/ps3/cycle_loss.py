"""Wrong and right solutions of ``cycle_loss``, problem set 3."""

RIGHT = """
ok_textbook | As in the text.
def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).abs().mean()
    backward = (G_xy(G_yx(y)) - y).abs().mean()
    return lambda_forward * forward + lambda_backward * backward

ok_module | A module and a loop.
from torch import nn


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    distance, total = nn.L1Loss(), 0
    ways = (G_xy, G_yx, x, lambda_forward), (G_yx, G_xy, y, lambda_backward)
    for first, second, image, weight in ways:
        total = total + weight * distance(image, second(first(image)))
    return total
"""

WRONG = """
fake_detached | The fake is detached on its way back. | gradient that reaches
~ G_xy(x) -> G_xy(x).detach()
~ G_yx(y) -> G_yx(y).detach()

forward_only | The backward cycle is left out. | backward cycle
-    backward = (G_xy(G_yx(y)) - y).abs().mean()
-    return lambda_forward * forward + lambda_backward * backward
+    return lambda_forward * forward

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

weights_dropped | The weights are left out. | weights are missing
~ return lambda_forward * forward + lambda_backward * backward -> return forward + backward

weights_swapped | The weights change places. | change places
~ lambda_forward * forward + lambda_backward -> lambda_backward * forward + lambda_forward

wrong_start | x goes through the generator that takes y. | wrong domain
~ G_yx(G_xy(x)) -> G_xy(G_yx(x))
~ G_xy(G_yx(y)) -> G_yx(G_xy(y))
"""
