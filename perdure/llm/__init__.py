"""Model access: Groq first."""
