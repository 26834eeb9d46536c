"""The verbs of the command line: one module each, no logic of their own."""
