"""The demo: a cartoon world, videos of it, and a small CLIP model trained on nothing else."""
