"""Second implementations of seams, each in one file: what an extension of clipseek looks like."""
