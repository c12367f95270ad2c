"""Helpers of its own, no freezing, several backward calls, tensors in the report."""

import torch
import torch.nn.functional as F


def off(output, target):
    return F.mse_loss(output, torch.full_like(output, target))


def cyclegan_step(A, B, judge_a, judge_b, opt_gen, opt_dis, store_a, store_b, a, b, w_cycle, w_identity):
    opt_gen.zero_grad(set_to_none=False)
    made_b, made_a = A(a), B(b)
    gan_b, gan_a = off(judge_b(made_b), 1.0), off(judge_a(made_a), 1.0)
    forward, backward = F.l1_loss(B(made_b), a), F.l1_loss(A(made_a), b)
    same_b, same_a = F.l1_loss(A(b), b), F.l1_loss(B(a), a)
    (gan_b + gan_a).backward(retain_graph=True)
    (w_cycle * forward + w_cycle * backward).backward()
    (w_identity * same_b + w_identity * same_a).backward()
    opt_gen.step()

    opt_dis.zero_grad()
    out = {"g_gan_y": gan_b, "g_gan_x": gan_a, "g_forward": forward, "g_backward": backward}
    out |= {"g_identity_y": same_b, "g_identity_x": same_a}
    for k, judge, real, fake in (("x", judge_a, a, store_a.query(made_a)), ("y", judge_b, b, store_b.query(made_b))):
        out[f"d_real_{k}"], out[f"d_fake_{k}"] = off(judge(real), 1.0), off(judge(fake.detach()), 0.0)
        ((out[f"d_real_{k}"] + out[f"d_fake_{k}"]) / 2).backward()
    opt_dis.step()
    return {name: value.detach() for name, value in out.items()}
