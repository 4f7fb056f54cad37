"""What suggest_improvements is made of: what the model is shown, and how its suggestions are proved."""
