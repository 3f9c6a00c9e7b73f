"""Contacts in files, CSV and XLSX: the commands that bring them in and write them out, over the API."""
