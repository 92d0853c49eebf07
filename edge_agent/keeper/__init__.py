"""What is judged before it is kept: device alarms, silence, groups."""
