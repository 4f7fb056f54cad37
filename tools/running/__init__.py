"""What execute_command and benchmark_code are made of: what a command line starts, how a run ended, timing programs."""
