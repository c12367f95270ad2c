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
"""

WRONG = """
fake_detached | The fake is detached, as for D. | detached
-    E.requires_grad_(False)
-    mu, _ = E(G(x, z))
-    E.requires_grad_(True)
+    mu, _ = E(G(x, z).detach())

logvar | logvar is compared. | logvar
~ mu, _ -> _, mu

moves_e | E learns, too. | G alone
-    E.requires_grad_(False)
...
-    E.requires_grad_(True)

no_abs | The mean comes first. | before the absolute
~ abs().mean() -> mean().abs()

reads_x | E reads x. | input x
~ G(x, z) -> x + 0 * G(x, z)

stays_frozen | E stays frozen. | frozen
-    E.requires_grad_(True)

sum_over_code | A sum over the code. | length of the code
~ mean() -> sum(1).mean()

tuple | The pair is compared. | which of them
~ mu, _ -> mu
"""
