"""The console: the page on which people see what came in, why something is wrong, and put it right.

A process of its own on 127.0.0.1, never a route of the web process. `guard` wraps the whole
application; `app` gives each page the role that it needs; `pages` has a module for each; `mask`
decides what of a person is shown.
"""
