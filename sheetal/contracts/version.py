"""The version of this distribution, as gateways and services say it of themselves; a test holds it to pyproject.toml."""

VERSION = "0.1.0"
