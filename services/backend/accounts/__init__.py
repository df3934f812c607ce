"""Who may sign in: people, sessions, invitations, keys for programs."""
