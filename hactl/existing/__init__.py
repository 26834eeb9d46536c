"""A cluster that is there already: what it would be as a topology, and whether that is true."""
