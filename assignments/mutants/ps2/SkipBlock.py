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

ok_indices | Rows and columns picked by index, which is what nearest means.
class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.encoder, self.bottleneck, self.decoder = down, inner, up

    def forward(self, h):
        out = self.decoder(self.bottleneck(self.encoder(h)))
        rows = torch.arange(h.shape[2]) * out.shape[2] // h.shape[2]
        columns = torch.arange(h.shape[3]) * out.shape[3] // h.shape[3]
        out = out[:, :, rows][:, :, :, columns]
        both = h.new_empty(h.shape[0], out.shape[1] + h.shape[1], *h.shape[2:])
        both[:, : out.shape[1]] = out
        both[:, out.shape[1] :] = h
        return both

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

ok_sequential | The three parts in a Sequential; resized only if needed.
class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.path = nn.Sequential(down, inner, up)

    def forward(self, x):
        y = self.path(x)
        if y.shape[-2:] != x.shape[-2:]:
            y = nn.functional.interpolate(y, x.shape[-2:], mode="nearest")
        return torch.cat((y, x), 1)
"""

WRONG = """
added | The skip is added, as in a residual block. | added
~ torch.cat([decoded, h], dim=1) -> decoded + h

batch_dimension | Concatenated along the batch. | along the batch
~ dim=1 -> dim=0

bilinear | Resized with another interpolation than the task says. | output is wrong
~ h.shape[2:] -> h.shape[2:], mode="bilinear"

both_odd | Only images whose height and width are odd are resized. | sizes do not fit
-        decoded = F.interpolate(decoded, size=h.shape[2:])
+        if h.shape[2] % 2 and h.shape[3] % 2:
+            decoded = F.interpolate(decoded, size=h.shape[2:])

decoder_twice | The decoder is put beside itself. | inner part
~ decoded, h -> decoded, decoded

detached_decoder | The way through the middle is detached. | cut off
~ self.up(self.inner(self.down(h))) -> self.up(self.inner(self.down(h.detach())))

detached_skip | The skip is detached. | cut off
~ decoded, h -> decoded, h.detach()

height_dimension | Concatenated along the height. | shape
~ dim=1 -> dim=2

inner_frozen | The middle is called without gradients. | cut off
-        decoded = self.up(self.inner(self.down(h)))
+        with torch.no_grad():
+            middle = self.inner(self.down(h))
+        decoded = self.up(middle) + 0 * h.sum()

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

skip_cropped | The skip is cut to the size of the decoder, not the other way round. | shape
-        decoded = F.interpolate(decoded, size=h.shape[2:])
+        height, width = min(decoded.shape[2], h.shape[2]), min(decoded.shape[3], h.shape[3])
+        decoded, h = decoded[:, :, :height, :width], h[:, :, :height, :width]

skip_resized | The skip is brought to the size of the decoder. | shape
~ decoded = F -> h = F
~ decoded, size=h -> h, size=decoded

square_only | The height is used for both sides. | sizes do not fit
~ h.shape[2:] -> h.shape[2]

zero_padded | The decoder is padded with zeros on one side, which is not what the task says. | output is wrong
     def forward(self, h):
+        n, w = h.shape[2:]
~ F.interpolate(decoded, size=h.shape[2:]) -> F.pad(decoded, (0, w - decoded.shape[3], 0, n - decoded.shape[2]))
"""
