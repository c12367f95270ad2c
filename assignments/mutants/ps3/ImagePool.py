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

ok_numpy | A numpy generator, a place drawn for all, used with probability 1/2.
import numpy as np


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

ok_random | Python's random numbers, cat, an old image popped.
import random


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
"""

WRONG = """
always_old | A full pool always returns a stored image. | always returns a stored
~ self.size and torch.rand(()) < 0.5 -> self.size

batch_as_one | A whole batch is one entry of the pool. | As many images
~ self.images = size -> self.batches = size
-        out = []
-        for image in images.detach().clone():
-            if len(self.images) < self.size:
-                self.images.append(image)
-                out.append(image.clone())
-            elif self.size and torch.rand(()) < 0.5:
-                place = int(torch.randint(self.size, ()))
-                out.append(self.images[place])
-                self.images[place] = image
-            else:
-                out.append(image)
-        return torch.stack(out)
+        images = images.detach().clone()
+        if self.size == 0:
+            return images
+        if len(self.batches) < 2:
+            self.batches.append(images)
+            return images.clone()
+        if torch.rand(()) < 0.5:
+            place = int(torch.randint(2, ()))
+            old, self.batches[place] = self.batches[place], images
+            return old
+        return images

draws_while_filling | It draws before it is full. | not full
~ < self.size -> < self.size and torch.rand(()) < 0.1
~ elif self -> elif self.images and self
~ self.size, () -> len(self.images), ()
~ out.append(image) -> out.append(0 * image)

fills_by_batch | A batch is stored only if all of it finds room. | not full
     def query(self, images):
+        if len(self.images) + len(images) > self.size:
+            self.size = len(self.images)

four_fifths | Stored images come back four times out of five. | another probability
~ torch.rand(()) < 0.5 -> torch.rand(()) < 0.8

gaussian | A normal random number in place of a uniform one. | another probability
~ torch.rand(()) -> torch.randn(())

graph_of_none | A pool of size 0 hands on the graph. | carries a graph
     def query(self, images):
+        if not self.size:
+            return images

in_place | Old images are written into the batch that was passed. | another tensor
~ out = [] -> images = images.detach()
~ for image in images.detach().clone() -> for i, image in enumerate(images.clone())
~ out.append(image.clone()) -> images[i] = image * 0 + self.images[0]
~ out.append(self.images[place]) -> images[i] = self.images[place]
-            else:
-                out.append(image)
-        return torch.stack(out)
+        return images.clone()

kept_twice | The new one is stored where another is returned, in a place of its own. | makes place
~ self.size, () -> len(self.images), ()
~ self.images[place] = image -> self.images.append(image)

last_place_never | The last place is never drawn. | equally often
~ self.size, () -> self.size - 1, ()
-                self.images[place] = image
+                self.images.pop(place)
+                self.images.append(image)

latest | The latest stored image comes back. | latest
-                place = int(torch.randint(self.size, ()))
-                out.append(self.images[place])
-                self.images[place] = image
+                out.append(self.images.pop())
+                self.images.append(image)

list_returned | A list comes back. | tensor of the same shape
~ torch.stack(out) -> out

never_old | Every image goes through. | always returns the new
~ torch.rand(()) < 0.5 -> torch.rand(()) < 0

new_stored | A new image that is returned is stored, too. | not stored
                 out.append(image)
+                if self.size:
+                    self.images[int(torch.randint(self.size, ()))] = image

no_copy | The pool stores views of what the caller passed. | copies
~ images.detach().clone() -> images.detach()

not_detached | Images are stored with their graph. | graph
~ images.detach().clone() -> images.clone()

not_replaced | The returned image stays in the pool and the new one is forgotten. | makes place
-                self.images[place] = image

oldest | The oldest stored image comes back. | oldest
-                place = int(torch.randint(self.size, ()))
-                out.append(self.images[place])
-                self.images[place] = image
+                out.append(self.images.pop(0))
+                self.images.append(image)

once_per_batch | One coin for the whole batch. | share one decision
~ out = [] -> out, coin = [], torch.rand(())
~ torch.rand(()) -> coin

one_dimension_more | Each image keeps a batch dimension of its own. | same shape
~ images.detach().clone() -> images.detach().clone().split(1)

returns_what_it_stores | What comes back while it fills is what is stored. | copies
-        for image in images.detach().clone():
+        images = images.detach()
+        for image in images:
~ out.append(image.clone()) -> out.append(image)
~ torch.stack(out) -> torch.stack(out) if len(out) > 1 else out[0][None]

single_precision | Copies are stored in float32. | another precision
~ torch.stack(out) -> torch.stack(out).float()

size_0_crashes | A pool of size 0 draws from nothing. | size 0
~ elif self.size and -> elif

two_fifths | New images come back in three of five cases. | another probability
~ torch.rand(()) < 0.5 -> torch.rand(()) < 0.4
"""
