"""The configuration: one YAML file, read whole, typed whole, with every fault at its line.

`document` reads the text as a `tree`, `resolving` puts `${…}` in, `schema` says what the keys mean and `values` and `addresses`
what stands behind them, `references` checks what the keys say of each other, `load` runs them all, `policy` makes of it what the
store keeps and the pipeline decides by.
"""
