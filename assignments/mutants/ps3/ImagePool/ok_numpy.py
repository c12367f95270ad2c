"""A numpy generator, a place drawn for all, used with probability 1/2."""

import numpy as np
import torch


class ImagePool:
    def __init__(self, size):
        self.size, self.images, self.rng = size, [], np.random.default_rng()

    def query(self, images):
        with torch.no_grad():
            return torch.stack([self.one(image.detach().clone()) for image in images])

    def one(self, image):
        if len(self.images) < self.size:
            self.images.append(image)
            return image
        place = int(self.rng.integers(0, 2 * self.size)) if self.size else 0
        if place >= self.size or not self.images:
            return image
        self.images[place], old = image, self.images[place]
        return old
