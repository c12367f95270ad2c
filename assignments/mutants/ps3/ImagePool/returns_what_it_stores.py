"""What comes back while it fills is what is stored.

message: copies
"""

import torch


class ImagePool:
    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images):
        out = []
        images = images.detach()
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image)
                out.append(image)
            elif self.size and torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                out.append(self.images[place])
                self.images[place] = image
            else:
                out.append(image)
        return torch.stack(out) if len(out) > 1 else out[0][None]
