"""Node and the JavaScript tools of this installation: where they are, how they are installed and run."""
