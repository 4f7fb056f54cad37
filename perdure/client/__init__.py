"""The typed async client and the views of the command line."""
