"""Wrong and right solutions of ``SkipBlock``, problem set 2."""

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn
"""

RIGHT = """
ok_plain | As in the text.
class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.down, self.inner, self.up = down, inner, up

    def forward(self, h):
        decoded = self.up(self.inner(self.down(h)))
        decoded = F.interpolate(decoded, size=h.shape[2:])
        return torch.cat([decoded, h], dim=1)

ok_module_list | A ModuleList, a loop, and an Upsample.
class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.parts = nn.ModuleList([down, inner, up])

    def forward(self, image):
        h = image
        for part in self.parts:
            h = part(h)
        same = nn.Upsample(size=tuple(image.shape[2:]))
        return torch.concat([same(h), image], dim=-3)
"""

WRONG = """
added | The skip is added, as in a residual block. | added
~ torch.cat([decoded, h], dim=1) -> decoded + h

batch_dimension | Concatenated along the batch. | along the batch
~ dim=1 -> dim=0

detached_skip | The skip is detached. | cut off
~ decoded, h -> decoded, h.detach()

no_inner | The part in the middle is not called. | middle
~ self.up(self.inner(self.down(h))) -> self.up(self.down(h))

no_skip | The skip is forgotten. | skip is missing
~ torch.cat([decoded, h], dim=1) -> decoded

odd_sizes | Sizes that are not even do not fit. | odd sizes
-        decoded = F.interpolate(decoded, size=h.shape[2:])

order_swapped | The skip comes first, the decoder second. | other order
~ decoded, h -> h, decoded

plain_list | The parts hide in a list, where no optimiser finds them. | optimiser find
~ self.down, self.inner, self.up = down, inner, up -> self.parts = [down, inner, up]
-        decoded = self.up(self.inner(self.down(h)))
+        decoded = h
+        for part in self.parts:
+            decoded = part(decoded)
"""
