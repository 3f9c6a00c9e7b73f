"""What processes call to each other when there is something to do: hints that make work begin at once, and never the work."""
