"""A swarm: very many agents in one process, for tests and demonstrations."""
