"""A fleet on this machine: its servers, processes, ports, credentials and environment."""
