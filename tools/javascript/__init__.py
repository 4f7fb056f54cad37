"""Check, format, install and write JavaScript and TypeScript."""
