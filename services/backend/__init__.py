"""Projects, devices, people and flows: the fleet's memory, in PostgreSQL."""
