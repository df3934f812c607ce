"""Who may join which realm and use which URI; runs inside the router's process."""
