"""A new image that is returned is stored, too.

message: not stored
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
                place = int(torch.randint(self.size, ()))
                out.append(self.images[place])
                self.images[place] = image
            else:
                out.append(image)
                if self.size:
                    self.images[int(torch.randint(self.size, ()))] = image
        return torch.stack(out)
