"""The settings file, section by section; nothing here knows what the sections are for."""
