"""Tags of Modbus TCP devices and gateways."""
