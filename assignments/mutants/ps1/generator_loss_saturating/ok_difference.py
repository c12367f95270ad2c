"""log(1 - sigmoid(a)) = log sigmoid(a) - a."""

import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    return (F.logsigmoid(fake_logits) - fake_logits).sum() / fake_logits.numel()
