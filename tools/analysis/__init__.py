"""Tools that say what code consists of and how it hangs together."""
