"""Scenes in which somebody tries to get more approved than a person looked at, played by the real workflow."""
