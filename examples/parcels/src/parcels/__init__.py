"""Quotes for parcels."""
