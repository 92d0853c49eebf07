"""The version that gateways and services say of themselves; a test holds it to pyproject.toml."""

VERSION = "0.1.0"
