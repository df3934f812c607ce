"""The isolation exam: all that a session could try, and what must come of it."""
