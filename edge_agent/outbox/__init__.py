"""The gateway's memory: one SQLite file, from taking in to forgetting."""
