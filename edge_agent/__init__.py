"""The gateway: sense, keep, send, warn locally."""
