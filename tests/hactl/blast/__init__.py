"""Blast radius: what one state of one resource does to all others, on Pacemaker's own scheduler.

`states` brings a resource or a node into a state, `judge` says who suffers that stands on neither,
`matrix` goes through all of them for a topology. ``scripts/blast`` runs the whole.
"""
