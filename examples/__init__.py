"""The demo and the sample repository it works on."""
