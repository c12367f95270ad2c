"""Wrong and right solutions of ``interpolate_codes``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)[:, None]
    angle = torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1))
    if angle < 1e-4:
        return (1 - t) * a + t * b
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)

ok_atan2 | The angle by atan2.
def interpolate_codes(a, b, count):
    u, v = a / a.norm(), b / b.norm()
    angle = 2 * torch.atan2((u - v).norm(), (u + v).norm())
    rows = []
    for t in torch.linspace(0, 1, count).tolist():
        line = angle < 1e-4
        one = 1 - t if line else torch.sin((1 - t) * angle) / torch.sin(angle)
        two = t if line else torch.sin(t * angle) / torch.sin(angle)
        rows.append((one * a + two * b)[None])
    return torch.cat(rows)

ok_functional | cosine_similarity, weights in a matrix product.
def interpolate_codes(a, b, count):
    t = torch.linspace(0, 1, count, dtype=a.dtype)
    weights = torch.stack([1 - t, t], 1)
    angle = F.cosine_similarity(a, b, dim=0).clamp(-1, 1).acos()
    if angle > 1e-4:
        weights = (weights * angle).sin() / angle.sin()
    return weights @ torch.stack([a, b])

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
arange | The steps stop before 1. | before its end
~ torch.linspace(0, 1, count, dtype=a.dtype) -> (torch.arange(count, dtype=a.dtype) / count)

columns | One code in each column. | one in each row
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return ((torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)).T

cosine | The cosine in place of the angle. | cosine
~ torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1)) -> (a @ b) / (a.norm() * b.norm())
~ angle < 1e-4 -> angle > 0.9999

line_too_early | The straight line for all angles below a third. | close
~ angle < 1e-4 -> angle < 0.33

no_division | The division is missing. | division
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b

no_ends | The ends are missing. | ends are missing
~ torch.linspace(0, 1, count, dtype=a.dtype)[:, None] -> torch.linspace(0, 1, count, dtype=a.dtype)[1:-1][:, None]

not_normalised | The angle of codes of any length. | angle
~ torch.arccos(((a @ b) / (a.norm() * b.norm())).clamp(-1, 1)) -> torch.arccos(a @ b)

one_end | The last end is missing. | last end
~ torch.linspace(0, 1, count, dtype=a.dtype)[:, None] -> torch.linspace(0, 1, count, dtype=a.dtype)[:-1][:, None]

parallel_forgotten | Parallel codes give 0 / 0. | same direction
-    if angle < 1e-4:
-        return (1 - t) * a + t * b

reversed | From b to a. | from b to a
~ torch.sin((1 - t) * angle) -> torch.sin(t * angle) * a + torch.sin((1 - t) * angle)
~ a + torch.sin(t * angle) * b -> b

single_precision | The steps are float32. | another precision
~ torch.linspace(0, 1, count, dtype=a.dtype)[:, None] -> torch.linspace(0, 1, count)[:, None]
~ return (1 - t) * a + t * b -> return ((1 - t) * a + t * b).float()
~ / torch.sin(angle) -> / torch.sin(angle).float()

straight | A straight line. | straight line
~ (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle) -> (1 - t) * a + t * b

stretched | The line is stretched to a's length. | stretched
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return torch.nn.functional.normalize((1 - t) * a + t * b, dim=1) * a.norm()

unit | All codes get length 1. | length 1
-    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    way = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
+    return way / way.norm(dim=1, keepdim=True)
"""
