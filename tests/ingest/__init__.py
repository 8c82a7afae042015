"""The applications and the library of clipseek under test."""
