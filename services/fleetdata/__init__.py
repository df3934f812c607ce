"""Fleet data: telemetry and run events in, history and current values out."""
