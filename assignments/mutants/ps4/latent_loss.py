"""Wrong and right solutions of ``latent_loss``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    mu, _ = E(G(x, z))
    E.requires_grad_(True)
    return (mu - z).abs().mean()

ok_copy | A copy of E reads.
import copy


def latent_loss(G, E, x, z):
    reader = copy.deepcopy(E).requires_grad_(False)
    return F.l1_loss(reader(G(x, z))[0], z)

ok_each_parameter | Every parameter is frozen on its own.
def latent_loss(G, E, x, z):
    fake = G(x, z)
    for p in E.parameters():
        p.requires_grad = False
    mean = E(fake)[0]
    for p in E.parameters():
        p.requires_grad = True
    return torch.nn.L1Loss()(mean, z)

ok_functional_call | E is called with detached weights.
from torch.func import functional_call


def latent_loss(painter, encoder, x, code):
    weights = {name: p.detach() for name, p in encoder.named_parameters()}
    read = functional_call(encoder, weights, (painter(x, code),))
    return abs(code - read[0]).sum() / code.numel()
"""

WRONG = """
fake_detached | The fake is detached, as for D. | detached
-    E.requires_grad_(False)
-    mu, _ = E(G(x, z))
-    E.requires_grad_(True)
+    mu, _ = E(G(x, z).detach())

g_frozen | G is frozen in place of E. | G is frozen
-    E.requires_grad_(False)
-    mu, _ = E(G(x, z))
-    E.requires_grad_(True)
+    G.requires_grad_(False)
+    mu, _ = E(G(x, z.requires_grad_()))

logvar | logvar is compared. | logvar
~ mu, _ -> _, mu

minus | The sign. | sign
~ (mu - z) -> -(mu - z)

moves_e | E learns, too. | G alone
-    E.requires_grad_(False)
...
-    E.requires_grad_(True)

mu_detached | mu is detached. | gradient reaches G
~ mu - z -> mu.detach() - z

no_abs | The mean comes first. | before the absolute
~ abs().mean() -> mean().abs()

no_grad | Under no_grad. | gradient reaches G
-    E.requires_grad_(False)
-    mu, _ = E(G(x, z))
-    E.requires_grad_(True)
+    with torch.no_grad():
+        mu, _ = E(G(x, z))

reads_x | E reads x. | input x
~ G(x, z) -> x + 0 * G(x, z)

squared | Squares. | squared
~ abs() -> square()

stays_frozen | E stays frozen. | frozen
-    E.requires_grad_(True)

sum | A sum. | sum where a mean
~ mean() -> sum()

sum_over_code | A sum over the code. | length of the code
~ mean() -> sum(1).mean()

thawed_early | E is thawed before it reads. | G alone
     E.requires_grad_(False)
+    E.requires_grad_(True)

tuple | The pair is compared. | which of them
~ mu, _ -> mu
"""
