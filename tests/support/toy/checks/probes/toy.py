"""What runs on the student's functions: it returns numbers, and knows nothing of what they should
be.
"""

import torch


def tensor(values: list) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def loss_values(names: dict, inputs: dict) -> dict:
    return {
        "value": float(
            names["weighted_loss"](tensor(inputs["real"]), tensor(inputs["fake"]), inputs["weight"])
        )
    }


def loss_slope(names: dict, inputs: dict) -> dict:
    fake = tensor(inputs["fake"]).requires_grad_()
    names["weighted_loss"](tensor(inputs["real"]), fake, inputs["weight"]).backward()
    return {"value": fake.grad.tolist()}


def average_values(names: dict, inputs: dict) -> dict:
    return {"value": float(names["average"](inputs["values"], inputs["decay"]))}


def step_updates(names: dict, inputs: dict) -> dict:
    after = names["step"](
        tensor(inputs["w"]), tensor(inputs["x"]), tensor(inputs["y"]), inputs["rate"]
    )
    return {"value": torch.as_tensor(after).tolist()}
