"""Citizens and their appointments; owns personal data."""
