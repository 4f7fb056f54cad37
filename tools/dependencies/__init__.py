"""Which modules import which, and how that agrees with what a project declares."""
