"""Methods that CycleGAN is compared with in its paper, and one of MUNIT's: rows of their tables."""
