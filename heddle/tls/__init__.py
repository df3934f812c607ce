"""TLS on links that cross a host: certificates by files, renewed without a restart.

``trust`` is what a client believes, ``serving`` what a server shows, ``authority`` a
small certificate authority for a plant of one's own. Nothing here is imported by a
process whose links are plain, for OpenSSL costs 15 MB of memory.
"""
