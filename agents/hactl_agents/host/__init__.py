"""The world as agents see it: files, processes, commands, storage, time."""
