"""Stories on a real cluster, in the namespace lab."""
