"""A gate in front of portals, and who opens it."""
