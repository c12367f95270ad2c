"""A loss module, called for each term."""

import torch
from torch import nn


class TermLoss(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.target, self.loss = target, nn.BCEWithLogitsLoss()

    def forward(self, logits):
        return self.loss(logits, torch.full_like(logits, self.target))


to_real, to_fake = TermLoss(1.0), TermLoss(0.0)


def discriminator_loss(real_logits, fake_logits):
    return to_real(real_logits) + to_fake(fake_logits)
