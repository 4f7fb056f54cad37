"""Which tests a change can affect, by what imports what; where that cannot be known, all of them."""
