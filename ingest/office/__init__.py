"""What persons ask and do, on the desk, by the command line, in a messenger or by a link in a mail."""
