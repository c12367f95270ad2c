"""The latest stored image comes back.

message: latest
"""

import torch


class ImagePool:
    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images):
        out = []
        for image in images.detach().clone():
            if len(self.images) < self.size:
                self.images.append(image)
                out.append(image.clone())
            elif self.size and torch.rand(()) < 0.5:
                out.append(self.images.pop())
                self.images.append(image)
            else:
                out.append(image)
        return torch.stack(out)
