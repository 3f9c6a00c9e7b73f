"""The shapes of the API: what it answers and what it is asked. OpenAPI is generated from them, bodies are checked by them.

Answers are written by the office as plain JSON and are not checked again when they leave; the tests hold both together.
"""
