"""Playbooks: what a maintenance run does, as files of the installation, and what its programs report."""
