"""Wrong and right solutions of ``gan_step``, problem set 1."""

RIGHT = """
ok_plain | As short as it can be.
def gan_step(G, D, opt_G, opt_D, real, z):
    fake = G(z)
    opt_D.zero_grad()
    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
    d_loss.backward()
    opt_D.step()
    opt_G.zero_grad()
    g_loss = F.softplus(-D(fake)).mean()
    g_loss.backward()
    opt_G.step()
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}

ok_no_grad | The fakes are made twice, once without gradients; tensors come back.
def gan_step(G, D, opt_G, opt_D, real, z):
    with torch.no_grad():
        fake = G(z)
    d_loss = -F.logsigmoid(D(real)).mean() - F.logsigmoid(-D(fake)).mean()
    opt_D.zero_grad(set_to_none=False)
    d_loss.backward()
    opt_D.step()

    g_loss = -F.logsigmoid(D(G(z))).mean()
    G.zero_grad()
    g_loss.backward()
    opt_G.step()
    return {"g_loss": g_loss, "d_loss": d_loss}
"""

WRONG = """
d_halved | D's loss is halved. | halved
-    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
+    d_loss = (F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()) / 2

detached_for_g | The fakes are detached for G, too. | G did not move
~ G(z) -> G(z).detach()

labels_flipped | D learns that fakes are real. | flipped
~ -D(real) -> D(real)
~ D(fake.detach()) -> -D(fake.detach())
~ -D(fake) -> D(fake)

left_in_eval | G is left in eval mode. | eval()
     opt_G.step()
+    G.eval()

no_detach | D learns on fakes that are not detached. | detached
~ fake.detach() -> fake
~ d_loss.backward() -> d_loss.backward(retain_graph=True)

stale_d | G learns from D's opinion before D's update. | before D's update
     fake = G(z)
+    g_loss = F.softplus(-D(fake)).mean()
+    opt_G.zero_grad()
+    g_loss.backward()
-    opt_G.zero_grad()
-    g_loss = F.softplus(-D(fake)).mean()
-    g_loss.backward()

steps_alone | Both optimisers make a step, and nothing is computed. | nothing is learned
-    fake = G(z)
-    opt_D.zero_grad()
-    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
-    d_loss.backward()
     opt_D.step()
-    opt_G.zero_grad()
-    g_loss = F.softplus(-D(fake)).mean()
-    g_loss.backward()
     opt_G.step()
-    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
+    return {"d_loss": 0.0, "g_loss": 0.0}

zero_grad_d_forgotten | D's gradients are never cleared. | zero_grad
-    opt_D.zero_grad()
"""
