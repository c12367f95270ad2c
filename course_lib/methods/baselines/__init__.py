"""Methods that CycleGAN is compared with in its paper."""
