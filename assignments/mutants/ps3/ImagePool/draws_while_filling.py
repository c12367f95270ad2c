"""It draws before it is full.

message: not full
"""

import torch


class ImagePool:
    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images):
        out = []
        for image in images.detach().clone():
            if len(self.images) < self.size and torch.rand(()) < 0.1:
                self.images.append(image)
                out.append(image.clone())
            elif self.images and self.size and torch.rand(()) < 0.5:
                place = int(torch.randint(len(self.images), ()))
                out.append(self.images[place])
                self.images[place] = image
            else:
                out.append(0 * image)
        return torch.stack(out)
