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
"""

WRONG = """
added | x and y are added. | added
~ D(torch.cat([x, y], dim=1)) -> D(x + y)

batch_dimension | Joined along the batch. | along
~ [x, y], dim=1 -> [x, y]

detached | y is detached here, where G needs it. | gradient reaches y
~ [x, y], dim=1 -> [x, y.detach()], 1

mean | Averaged over the map. | one number
~ D(torch.cat([x, y], dim=1)) -> D(torch.cat([x, y], 1)).mean(dim=(1, 2, 3))

no_condition | D sees y alone. | condition is missing
~ D(torch.cat([x, y], dim=1)) -> D(y)

order_swapped | y before x. | change places
~ [x, y] -> [y, x]

sigmoid | A sigmoid is applied. | sigmoid
~ D(torch.cat([x, y], dim=1)) -> torch.sigmoid(D(torch.cat([x, y], 1)))

y_twice | y is joined to itself. | y twice
~ [x, y], dim=1 -> [y, y], 1
"""
