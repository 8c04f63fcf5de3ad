"""What makes a setting valid, and how many workers this machine has room for."""
