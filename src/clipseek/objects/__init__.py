"""Objects in videos: what finds them, what follows them, and what of them is kept."""
