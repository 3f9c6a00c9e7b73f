"""How channels are: states and their remedies, silence against a channel's own rhythm, refusals in a row, and who is told."""
