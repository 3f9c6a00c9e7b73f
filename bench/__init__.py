"""Measurements, each as a ratio to a floor of the same run where it has one. `python -m bench` runs them all."""
