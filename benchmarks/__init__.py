"""Measurements against named limits; each figure is a ratio taken in one run."""
