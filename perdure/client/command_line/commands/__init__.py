"""What can be typed: one module a family of commands, each with its ``COMMANDS`` (name → function)."""
