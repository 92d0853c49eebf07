"""What the simulated loggers speak on the wire."""
