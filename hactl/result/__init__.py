"""What came of an apply, held against what was foreseen; from CIBs alone."""
