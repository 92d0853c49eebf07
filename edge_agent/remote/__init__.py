"""The gateway managed from afar: its twin, its orders, and how it is taken in."""
