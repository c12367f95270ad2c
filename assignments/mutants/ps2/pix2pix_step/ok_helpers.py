"""Helpers of its own, two backward calls for D, tensors in the report."""

import torch
import torch.nn.functional as F
from torch import nn


def judge(D, x, y):
    return D(torch.cat((x, y), dim=1))


def cost(logits, target):
    return nn.BCEWithLogitsLoss()(logits, logits.new_full(logits.shape, target))


def pix2pix_step(gen, disc, optimizer_gen, optimizer_disc, x, y, weight):
    with torch.no_grad():
        fake = gen(x)
    disc.zero_grad()
    real_term, fake_term = cost(judge(disc, x, y), 1.0), cost(judge(disc, x, fake), 0.0)
    (real_term / 2).backward()
    (fake_term / 2).backward()
    optimizer_disc.step()

    gen.zero_grad()
    fake = gen(x)
    gan, l1 = cost(judge(disc, x, fake), 1.0), F.l1_loss(fake, y)
    gan.backward(retain_graph=True)
    (weight * l1).backward()
    optimizer_gen.step()
    return {"d_real": real_term.detach(), "d_fake": fake_term.detach(), "g_gan": gan.detach(), "g_l1": l1.detach()}
