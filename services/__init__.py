"""The programs that run centrally: each owns its state and speaks the contract."""
