"""Wrong and right solutions of ``identity_loss``, problem set 3."""

RIGHT = """
ok_textbook | As in the text.
def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).abs().mean()
    same_x = (G_yx(x) - x).abs().mean()
    return lambda_identity * (same_y + same_x)

ok_functional | l1_loss, the weight at each term.
def identity_loss(F_xy, F_yx, a, b, weight):
    return weight * F.l1_loss(F_yx(a), a) + weight * F.l1_loss(F_xy(b), b)

ok_loop | A sum over both domains.
def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    return sum(lambda_identity * abs(G(image) - image).mean() for G, image in ((G_xy, y), (G_yx, x)))

ok_norm | The L1 norm over the number of elements.
def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    terms = [torch.linalg.vector_norm(G(image) - image, ord=1) / image.numel() for G, image in ((G_yx, x), (G_xy, y))]
    return torch.stack(terms).sum() * lambda_identity
"""

WRONG = """
cycle | That is the cycle loss. | cycle
~ G_xy(y) -> G_xy(G_yx(y))
~ G_yx(x) -> G_yx(G_xy(x))

detached | The outputs are detached. | detach
~ G_xy(y) -> G_xy(y).detach()

halved | The mean of both terms. | half
~ (same_y + same_x) -> (same_y + same_x) / 2

item | Numbers in place of tensors. | item()
~ (G_xy(y) - y).abs().mean() -> (G_xy(y) - y).abs().mean().item()
~ (G_yx(x) - x).abs().mean() -> (G_yx(x) - x).abs().mean().item()

l2 | Squares in place of absolute values. | squared
~ (G_xy(y) - y).abs() -> (G_xy(y) - y).square()
~ (G_yx(x) - x).abs() -> (G_yx(x) - x).square()

no_abs | The absolute value is taken of the mean. | before the absolute
~ (G_xy(y) - y).abs().mean() -> (G_xy(y) - y).mean().abs()
~ (G_yx(x) - x).abs().mean() -> (G_yx(x) - x).mean().abs()

nothing_returned | Nothing comes back. | return
~ return lambda_identity -> lambda_identity

only_x | The other generator only. | is missing
-    same_y = (G_xy(y) - y).abs().mean()
~ (same_y + same_x) -> same_x

only_y | One generator only. | is missing
-    same_x = (G_yx(x) - x).abs().mean()
-    return lambda_identity * (same_y + same_x)
+    return lambda_identity * same_y

sum | Sums in place of means. | sum where a mean
~ (G_xy(y) - y).abs().mean() -> (G_xy(y) - y).abs().sum()
~ (G_yx(x) - x).abs().mean() -> (G_yx(x) - x).abs().sum()

target_swapped | The output is compared with the other input. | wrong domain
~ - y -> - x
~ - x -> - y

translation | A translation is compared with the other pile. | no pairs
~ G_xy(y) -> G_xy(x)
~ G_yx(x) -> G_yx(y)

weight_5 | The weight is written in. | fixed
~ return lambda_identity -> return 5

weight_dropped | No weight. | weight is missing
~ lambda_identity * (same_y + same_x) -> same_y + same_x

weight_on_one | The brackets are missing. | no weight
~ (same_y + same_x) -> same_y + same_x

wrong_domain | Each generator gets the images that it shall change. | its own
~ G_xy(y) - y -> G_xy(x) - x
~ G_yx(x) - x -> G_yx(y) - y
"""
