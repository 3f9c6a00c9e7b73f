"""Who is it, and is it news? Keys, people and enquiries, decided over facts; knows no channel, no SQL and no clock."""
