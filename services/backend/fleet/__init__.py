"""The devices of a project: who they are, where they are, commands to many."""
