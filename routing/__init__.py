"""Who gets a lead: which team, which title, who has the turn. Pure; knows nothing of rows, keys, or the clock."""
