"""What get_context gathers around a symbol or a question, and how it is packed."""
