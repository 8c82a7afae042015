"""The verbs of the command, a file each: `run` takes settings and options, returns an exit code."""
