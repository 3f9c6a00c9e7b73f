"""The order of the steps: intake, pipeline, notices, commands; what puts all parts together and runs them as a daemon."""
