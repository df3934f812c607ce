"""Deployments of one project: made, commanded, told, and driven to their end.

The rules are the machine's (``heddle.rollout``); what stands is in PostgreSQL. A
command steps the state on whichever replica serves it. What the state asks of devices
is sent, and what they answer is stepped, by the one replica that drives the deployment:
it holds a row lock for as long as it lives (``lookout``), and another takes over when
it dies. Nothing is remembered but the state, so whoever takes over asks again; devices
know a repeated order by the deployment's id.
"""
