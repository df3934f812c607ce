"""REST for programs that do not speak WAMP; whoever asks, asks in their own name."""
