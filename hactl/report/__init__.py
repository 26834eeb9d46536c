"""Every result in words and as JSON: what is printed, and nothing of how it came about."""
