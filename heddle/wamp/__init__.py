"""The one corner that speaks WAMP: typed sessions, joining, and doors to threads."""
