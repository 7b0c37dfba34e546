"""The console, a web page for operators: what came in, what is wrong, and putting it right.

A process of its own on 127.0.0.1, never a route of the web process. `guard` wraps the whole
application; `app` gives each page the role that it needs; `pages` has a module for each; `mask`
decides what of a person is shown.
"""
