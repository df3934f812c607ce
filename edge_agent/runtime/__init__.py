"""Where engines run: in Docker containers, or as child processes of the agent."""
