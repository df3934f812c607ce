"""The device's side of deployments: releases taken up, handed back, and settled."""
