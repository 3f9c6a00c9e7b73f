"""The message: what a provider delivers, how it is proved and named, and what it says. One module per kind.

Knows nothing of contacts, of turns, of SQL or of the order of the steps. A new messenger is one module here (a `Config`
and an `Adapter`), one entry in the YAML and one test file.
"""
