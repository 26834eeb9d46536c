"""A topology file: text to a checked document."""
