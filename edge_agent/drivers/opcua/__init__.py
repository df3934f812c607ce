"""Tags of OPC UA servers."""
