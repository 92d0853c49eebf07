"""The gateway's way out: what to send, when, to whom, and what an answer settles."""
