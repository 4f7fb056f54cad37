"""The test frameworks that run_tests knows: where their tests are, how they are started, what their reports say."""
