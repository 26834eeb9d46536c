"""Open vSwitch: its database, its daemon, and what a bridge in it should be."""
