"""A manager is told: notices leave the outbox by the routes that he has, rendered when they are sent."""
