"""Old images are written into the batch that was passed.

message: another tensor
"""

import torch


class ImagePool:
    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images):
        images = images.detach()
        for i, image in enumerate(images.clone()):
            if len(self.images) < self.size:
                self.images.append(image)
                images[i] = image * 0 + self.images[0]
            elif self.size and torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                images[i] = self.images[place]
                self.images[place] = image
        return images.clone()
