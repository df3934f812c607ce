"""Backup and restore of whole databases: ``python -m services.fleetdata.backup``.

A program beside the service, run by ``heddle backup`` and ``heddle restore``.
"""
