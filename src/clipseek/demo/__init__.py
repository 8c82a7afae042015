"""The demo: a cartoon world, films of it, and a small CLIP model trained on nothing else."""
