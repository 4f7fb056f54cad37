"""Invoices to the cent: lines, discounts, tax."""
