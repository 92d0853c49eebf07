"""What the gateway shows and does for those who stand in front of it, with no network needed."""
