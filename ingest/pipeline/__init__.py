"""From the journal to leads: claimed, read, settled over who is known and which enquiry is open, in one transaction a batch."""
