"""The command line's views; ``starter.py`` builds them with what it knows of the installation. Needs typer and rich."""
