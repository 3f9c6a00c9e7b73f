"""What is nobody's noun: ids, the clock, durations, texts in two languages, test seams. Knows nothing of the domain."""
