"""What is defined and used where in source files, by syntax and by what language services say."""
