"""Recalls: the doses given from a holding after it was compromised, and what their owners are told."""
