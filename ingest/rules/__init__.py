"""The applied revision, compiled: what matching, distribution and automatic answers go by, and the company's own tests of it."""
