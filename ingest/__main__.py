"""`python -m ingest`, and what the console script `priyom` calls."""

from ingest.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
