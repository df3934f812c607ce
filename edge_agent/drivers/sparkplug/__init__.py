"""Sparkplug B: tags of edge nodes as their host, and the agent as an edge node."""
