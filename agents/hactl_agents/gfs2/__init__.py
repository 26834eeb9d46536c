"""GFS2: its superblock, its mounts, its locks, and who uses it."""
