"""Decisions told in sentences, as managers, heads and directors read them, in both languages."""
