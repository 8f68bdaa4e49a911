"""The only room that knows the others: assets, checks, jobs, schedules, sensors and the command line."""
