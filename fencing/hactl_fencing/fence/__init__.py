"""The fence runtime: what every fence agent needs, and nothing that is slow to import."""
