"""The upstream library's verdicts against ours, over workflows drawn at random."""
