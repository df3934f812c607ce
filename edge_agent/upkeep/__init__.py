"""Looking inside a device from afar, and what keeps it in order."""
