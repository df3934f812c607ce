"""What shall run here and what does: compared by a plan, made equal step by step."""
