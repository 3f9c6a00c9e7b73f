"""The way in: requests and what pollers fetch, proved by their channels, committed together, and only then acknowledged."""
