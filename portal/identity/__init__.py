"""Staff accounts, roles and sessions: who is asking."""
