"""Collections of cases that are kept outside of this repository, run through the real thing by ``make corpora DIR=…``."""
