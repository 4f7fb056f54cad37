"""The one-machine stack: real servers as child processes on loopback or private sockets."""
