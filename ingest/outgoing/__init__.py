"""A client is answered: what somebody wants said finds its way, leaves by the channel's adapter, and shows what became of it."""
