"""Wrong and right solutions of ``identity_loss``, problem set 3."""

RIGHT = """
ok_textbook | As in the text.
def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).abs().mean()
    same_x = (G_yx(x) - x).abs().mean()
    return lambda_identity * (same_y + same_x)

ok_loop | A sum over both domains.
def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    distances = [abs(G(image) - image).mean() for G, image in ((G_xy, y), (G_yx, x))]
    return lambda_identity * sum(distances)
"""

WRONG = """
cycle | That is the cycle loss. | cycle
~ G_xy(y) -> G_xy(G_yx(y))
~ G_yx(x) -> G_yx(G_xy(x))

detached | The outputs are detached. | detach
~ G_xy(y) -> G_xy(y).detach()

only_x | The other generator only. | is missing
-    same_y = (G_xy(y) - y).abs().mean()
~ (same_y + same_x) -> same_x

target_swapped | The output is compared with the other input. | wrong domain
~ - y -> - x
~ - x -> - y

translation | A translation is compared with the other pile. | no pairs
~ G_xy(y) -> G_xy(x)
~ G_yx(x) -> G_yx(y)

weight_dropped | No weight. | weight is missing
~ lambda_identity * (same_y + same_x) -> same_y + same_x

weight_on_one | The brackets are missing. | no weight
~ (same_y + same_x) -> same_y + same_x

wrong_domain | Each generator gets the images that it shall change. | its own
~ G_xy(y) - y -> G_xy(x) - x
~ G_yx(x) - x -> G_yx(y) - y
"""
