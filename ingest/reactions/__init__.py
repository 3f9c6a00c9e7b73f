"""What managers do with what they were told: buttons, commands, links in mails, and replies meant for the client."""
