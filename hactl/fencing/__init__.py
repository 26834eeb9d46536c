"""What a CIB says about fencing, and what has to be true for it to work; touches nothing."""
