"""The gateway's timeline: pure, and the operating system's clocks at the edge."""
