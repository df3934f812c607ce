"""Tags from and to the world: a simulated plant, and a replay of real readings."""
