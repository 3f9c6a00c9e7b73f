"""The rows: all SQL of the product. Loads and saves the dataclasses that `dedup` and `routing` declare.

A unit of work is a plain function of a connection; `Store.run` is one hop to a thread and one transaction. Decides nothing:
whoever calls knows why. Rows never leave this package.
"""
