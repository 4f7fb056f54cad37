"""Install a project's own packages: what is asked for, from where, and how."""
