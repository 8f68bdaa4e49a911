"""Extract and land: knows the vendors and their exports, and nothing that lies downstream of the raw lake."""
