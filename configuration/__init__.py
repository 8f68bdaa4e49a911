"""What every room needs to know and nothing that a room does: settings, paths of the state, the errors' base."""
