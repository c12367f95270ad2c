"""The pool of earlier fakes."""

import torch

from course_lib.methods.image_pool import ImagePool


def test_a_pool_returns_and_keeps_what_the_paper_says():
    """Against the loop as one would write it, from the same draws."""
    pool, kept, size = ImagePool(3, 4), [], 3
    for seed in range(20):
        fakes = torch.rand(2, 3, 4, 4)
        torch.manual_seed(seed)
        found = pool.query(fakes)
        torch.manual_seed(seed)
        for fake, out in zip(fakes, found, strict=True):
            wanted = fake
            if len(kept) < size:
                kept.append(fake)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(size, ()))
                wanted, kept[place] = kept[place], fake
            assert torch.equal(out, wanted)
        assert torch.equal(ImagePool(0, 4).query(fakes), fakes)
        assert torch.equal(pool.images[: len(kept)], torch.stack(kept)) and pool.count == len(kept)
