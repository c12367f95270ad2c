"""Wrong and right solutions of ``ImagePool``, problem set 3."""

RIGHT = """
ok_textbook | As in the text.
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
        return torch.stack(out)

ok_buffer | One tensor holds all images, as in a module.
from torch import nn


class ImagePool(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size, self.count, self.images = size, 0, None

    @torch.no_grad()
    def query(self, fakes):
        out = fakes.clone()
        if self.images is None:
            self.images = fakes.new_zeros(self.size, *fakes.shape[1:])
        for i in range(len(fakes)):
            if self.count < self.size:
                self.images[self.count] = fakes[i]
                self.count += 1
            elif self.size > 0 and torch.randint(2, ()) == 0:
                k = torch.randint(self.size, (1,)).item()
                out[i], self.images[k] = self.images[k].clone(), fakes[i]
        return out
"""

WRONG = """
draws_while_filling | It draws before it is full. | not full
~ < self.size -> < self.size and torch.rand(()) < 0.1
~ elif self -> elif self.images and self
~ self.size, () -> len(self.images), ()
~ out.append(image) -> out.append(0 * image)

full_judged_once | Whether it is full is asked once a batch. | as a whole
~ out = [] -> out, full = [], len(self.images) >= self.size
~ elif self.size and -> elif full and self.size and

new_stored | A new image that is returned is stored, too. | not stored
                 out.append(image)
+                if self.size:
+                    self.images[int(torch.randint(self.size, ()))] = image

no_copy | The pool stores views of what the caller passed. | copies
~ images.detach().clone() -> images.detach()

not_detached | Images are stored with their graph. | graph
~ images.detach().clone() -> images.clone()

once_per_batch | One coin for the whole batch. | share one decision
~ out = [] -> out, coin = [], torch.rand(())
~ torch.rand(()) -> coin

size_0_crashes | A pool of size 0 draws from nothing. | size 0
~ elif self.size and -> elif

writes_into_batch | A stored image is written into the batch. | are changed
~ images.detach().clone() -> images.detach()
~ self.images.append(image) -> self.images.append(image.clone())
-                self.images[place] = image
+                self.images[place] = image.clone()
+                image.copy_(out[-1])
"""
