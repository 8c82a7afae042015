"""Load on a running server: short forms of `make load` and of the soak."""
