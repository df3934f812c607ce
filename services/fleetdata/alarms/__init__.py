"""Alarms at the centre: judged in the commit, answered, commanded, told to outside."""
