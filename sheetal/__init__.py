"""The ground floor that every service stands on: words, decisions, stores."""
