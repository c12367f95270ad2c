"""Wrong and right solutions of ``interpolate_codes``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[:, None]
    angle = torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))
    if angle < 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)

ok_loop | A loop, math.
import math


def interpolate_codes(start, end, n):
    cosine = float(start @ end) / math.sqrt(float(start @ start) * float(end @ end))
    angle, out = math.acos(max(-1.0, min(1.0, cosine))), []
    for i in range(n):
        t = i / (n - 1)
        if angle < 1e-4:
            out.append(start + t * (end - start))
        else:
            first, second = math.sin((1 - t) * angle), math.sin(t * angle)
            out.append((first * start + second * end) / math.sin(angle))
    return torch.stack(out)
"""

WRONG = """
cosine | The cosine in place of the angle. | cosine
~ torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1)) -> (a @ b) / (a.norm() * b.norm())
~ angle < 1e-4 -> angle > 0.9999

no_division | The division is missing. | division
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b

not_normalised | The angle of codes of any length. | angle
~ torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1)) -> torch.arccos(a @ b)

one_end | The last end is missing. | last end
~ dtype=a.dtype)[:, None] -> dtype=a.dtype)[:-1][:, None]

parallel_forgotten | Parallel codes give 0 / 0. | same direction
-    if angle < 1e-4:
-        return (1 - t) * a + t * b

straight | A straight line. | straight line
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return (1 - t) * a + t * b

stretched | The line is stretched to a's length. | stretched
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return torch.nn.functional.normalize((1 - t) * a + t * b, dim=1) * a.norm()

unit | All codes get length 1. | length 1
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    way = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return way / way.norm(dim=1, keepdim=True)
"""
