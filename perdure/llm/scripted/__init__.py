"""A model server that answers from a script, in Groq's wire format: for tests, demonstrations and work without a model."""
