"""The configuration: one YAML file, read whole, typed whole, with every fault at its line.

`document` reads the text and puts `${…}` in, `schema` says what the keys mean, `references` checks what the keys say of
each other, `load` runs the three, `policy` makes of it what the store keeps and the pipeline decides by.
"""
