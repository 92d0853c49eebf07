"""Places, things and sessions: what there is and who works where."""
