"""A logger's file through the whole way, and what the portal makes of it."""
