"""Python's random numbers, cat, an old image popped."""

import random

import torch


class ImagePool:
    def __init__(self, pool_size):
        self.pool_size = pool_size
        self.store = []

    def query(self, batch):
        if self.pool_size == 0:
            return batch.detach()
        answer = []
        for new in batch.detach().split(1):
            if len(self.store) < self.pool_size:
                self.store.append(new.clone())
                answer.append(new)
            elif random.uniform(0, 1) > 0.5:
                answer.append(self.store.pop(random.randrange(self.pool_size)))
                self.store.append(new.clone())
            else:
                answer.append(new)
        return torch.cat(answer)
