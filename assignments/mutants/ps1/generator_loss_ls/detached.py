"""The outputs are detached.

message: detach()
"""


def generator_loss_ls(fake_outputs):
    return (fake_outputs.detach() - 1).square().mean()
