"""The library's CycleGAN and BicycleGAN in the shapes of problem sets 3 and 4: they must pass the
checks.
"""

import inspect
from types import SimpleNamespace

import torch

from course_lib.methods import bicyclegan, cyclegan, image_pool
from course_lib.networks.resnet import ResidualBlock

TINY = 1e-99  # in place of 0, since the library does not compute what weighs nothing
unwrap = inspect.unwrap  # without shape checks, which want square pictures of 3 channels


class ImagePool(image_pool.ImagePool):
    """The library's pool for images of any shape: its memory is made with the first batch."""

    def __init__(self, size):
        super().__init__(size, 1)

    def query(self, images):
        if self.images.shape[1:] != images.shape[1:]:
            self.images = images.new_zeros(self.size, *images.shape[1:])
        return unwrap(image_pool.ImagePool.query)(self, images)


def parts(G_xy=None, G_yx=None, D_x=None, D_y=None, **settings):
    """What the methods of CycleGAN need of it, around the given networks."""
    m = SimpleNamespace(G_xy=G_xy, G_yx=G_yx, D_x=D_x, D_y=D_y, run=lambda net, images: net(images))
    # one by one, so that images of any shapes will do
    m.run_batched = lambda net, *inputs: tuple(None if i is None else net(i) for i in inputs)
    m.update_averages = lambda: None
    m.config = cyclegan.Config(**settings)
    for name in ("translations", "shown", "generator_terms", "discriminator_terms"):
        setattr(
            m, name, lambda *args, name=name: unwrap(getattr(cyclegan.CycleGAN, name))(m, *args)
        )
    return m


def cycle_loss(G_xy, G_yx, x, y, forward, backward):
    forward, backward = forward or TINY, backward or TINY
    m = parts(G_xy, G_yx, lambda_gan=0.0, lambda_forward=forward, lambda_backward=backward)
    terms = m.generator_terms(x, y, m.translations(x, y))
    return forward * terms["g_forward"] + backward * terms["g_backward"]


def identity_loss(G_xy, G_yx, x, y, weight):
    weight = weight or TINY
    m = parts(G_xy, G_yx, lambda_forward=0.0, lambda_backward=0.0, lambda_identity=weight)
    m.D_x = m.D_y = lambda images: images  # not asked
    terms = m.generator_terms(x, y, m.translations(x, y))
    return weight * (terms["g_identity_y"] + terms["g_identity_x"])


def fooling_loss(D_x, D_y, fake_x, fake_y):
    m = parts(D_x=D_x, D_y=D_y, lambda_forward=0.0, lambda_backward=0.0)
    return sum(m.generator_terms(fake_x, fake_y, {"fake_x": fake_x, "fake_y": fake_y}).values())


def cyclegan_step(G_xy, G_yx, D_x, D_y, opt_G, opt_D, pool_x, pool_y, x, y, cycle, identity):
    cycle, identity = cycle or TINY, identity or TINY
    m = parts(
        G_xy, G_yx, D_x, D_y, lambda_forward=cycle, lambda_backward=cycle, lambda_identity=identity
    )
    m.opt_G, m.opt_D, m.pool_x, m.pool_y = opt_G, opt_D, pool_x, pool_y
    return cyclegan.CycleGAN.step(m, {"x": x, "y": y})


def reparameterise(mu, logvar, generator=None):
    m = SimpleNamespace(config=bicyclegan.Config())
    m.noise = lambda n: torch.randn(n, mu.shape[1], generator=generator, dtype=mu.dtype)
    return unwrap(bicyclegan.BicycleGAN.draw)(m, mu, logvar)


def bicyclegan_step(G, E, D_encoded, D_random, opt_G, opt_D, x, y, eps, z, l1, kl, latent):
    weights = {"lambda_l1": l1, "lambda_kl": kl, "lambda_latent": latent}
    config = bicyclegan.Config(**{name: weight or TINY for name, weight in weights.items()})
    m = SimpleNamespace(config=config, E=E, opt_G=opt_G, opt_D=opt_D, read=E)
    m.terms, m.latent_moves_E = config.terms(), False
    m.D = {"encoded": D_encoded, "random": D_random}
    m.noise, m.update_averages = lambda n: z, lambda: None
    m.draw = lambda mu, logvar: mu + (0.5 * logvar).exp() * eps
    m.paint = lambda x, *codes: [G(x, code) for code in codes]
    m.judge = lambda cycle, x, y: [m.D[cycle](y)]
    for name in ("fooling", "discriminator_terms"):
        setattr(
            m, name, lambda *args, name=name: unwrap(getattr(bicyclegan.BicycleGAN, name))(m, *args)
        )
    return bicyclegan.BicycleGAN.step(m, {"x": x, "y": y})


PARTS = {
    "reparameterise": reparameterise,
    "kl_loss": bicyclegan.kl,
    "bicyclegan_step": bicyclegan_step,
    "ResidualBlock": ResidualBlock,
    "ImagePool": ImagePool,
    "cycle_loss": cycle_loss,
    "identity_loss": identity_loss,
    "fooling_loss": fooling_loss,
    "cyclegan_step": cyclegan_step,
}
