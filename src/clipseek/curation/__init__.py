"""What a library consists of, and how that changes: statistics over what the catalog stores."""
