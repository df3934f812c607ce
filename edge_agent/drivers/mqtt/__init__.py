"""Tags by MQTT 3.1.1 and 5; what Sparkplug needs of it, too."""
