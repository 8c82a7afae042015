"""Tags by rules: files of rules, applying them, thresholds, and what people decide on tags."""
