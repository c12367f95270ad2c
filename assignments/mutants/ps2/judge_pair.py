"""Wrong and right solutions of ``judge_pair``, problem set 2."""

RIGHT = """
ok_cat | Concatenated along the channels.
def judge_pair(D, x, y):
    return D(torch.cat([x, y], dim=1))

ok_filled | Filled into an empty tensor.
def judge_pair(D, x, y):
    c = x.shape[1]
    both = x.new_zeros(x.shape[0], c + y.shape[1], x.shape[2], x.shape[3])
    both[:, :c] = x
    both[:, c:] = y
    return D(both)

ok_names | Other names, a negative dimension.
def judge_pair(net, condition, image):
    return net(torch.concat((condition, image), dim=-3))

ok_stack | Channels unbound and stacked.
def judge_pair(D, x, y):
    channels = list(x.unbind(1)) + list(y.unbind(1))
    return D(torch.stack(channels, 1))
"""

WRONG = """
added | x and y are added. | added
~ D(torch.cat([x, y], dim=1)) -> D(x + y)

batch_dimension | Joined along the batch. | along
~ [x, y], dim=1 -> [x, y]

broadcast | A constant of another size is added to y, which no network takes. | it stopped with
~ D(torch.cat([x, y], dim=1)) -> D(torch.cat([x, y + torch.zeros(11)], dim=1))

condition_twice | x is joined to itself. | condition twice
~ [x, y] -> [x, x]

detached | y is detached here, where G needs it. | gradient reaches y
~ [x, y], dim=1 -> [x, y.detach()], 1

height_dimension | Joined along the height. | along
~ dim=1 -> dim=2

mean | Averaged over the map. | one number
~ D(torch.cat([x, y], dim=1)) -> D(torch.cat([x, y], 1)).mean(dim=(1, 2, 3))

no_condition | D sees y alone. | condition is missing
~ D(torch.cat([x, y], dim=1)) -> D(y)

no_grad | Computed without gradients. | gradient reaches y
-    return D(torch.cat([x, y], dim=1))
+    with torch.no_grad():
+        return D(torch.cat([x, y], 1))

only_condition | D sees x alone. | only the condition
~ D(torch.cat([x, y], dim=1)) -> D(x)

order_swapped | y before x. | change places
~ [x, y] -> [y, x]

scalar | Averaged to one number. | one number
~ D(torch.cat([x, y], dim=1)) -> D(torch.cat([x, y], 1)).mean()

sigmoid | A sigmoid is applied. | sigmoid
~ D(torch.cat([x, y], dim=1)) -> torch.sigmoid(D(torch.cat([x, y], 1)))

three_channels | Only the first three channels of x and y are kept; the second picture starts there. | logits are wrong
-    return D(torch.cat([x, y], dim=1))
+    pair = torch.zeros(x.shape[0], 6, *x.shape[2:], dtype=x.dtype)
+    pair[:, : x.shape[1]], pair[:, 3 : 3 + min(3, y.shape[1])] = x, y[:, :3]
+    return D(pair)

y_twice | y is joined to itself. | y twice
~ [x, y], dim=1 -> [y, y], 1
"""
