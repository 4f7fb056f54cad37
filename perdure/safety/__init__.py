"""Policy, sandbox and approval digests."""
