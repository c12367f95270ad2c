"""One coin for the whole batch.

message: share one decision
"""

import torch


class ImagePool:
    def __init__(self, size):
        self.size, self.images = size, []

    def query(self, images):
        out, coin = [], torch.rand(())
        for image in images.detach().clone():
            if len(self.images) < self.size:
                self.images.append(image)
                out.append(image.clone())
            elif self.size and coin < 0.5:
                place = int(torch.randint(self.size, ()))
                out.append(self.images[place])
                self.images[place] = image
            else:
                out.append(image)
        return torch.stack(out)
