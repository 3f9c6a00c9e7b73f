"""Who has a lead next, and when: the applied revision compiled, distributions, and what time alone brings about."""
