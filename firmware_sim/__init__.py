"""A refrigerator that can misbehave, speaking a real device protocol; the standard library and msgspec only."""
