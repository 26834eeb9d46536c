"""What a fencing configuration gets wrong, by subject."""
