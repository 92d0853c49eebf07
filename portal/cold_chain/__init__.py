"""What the officer sees: appliances, charts, alarms, holdings and why they are held."""
