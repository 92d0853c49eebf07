"""The words every service shares; the standard library and msgspec only."""
