"""Between raw and candidate: opens the three stores, plans what is new, runs dbt. No vendor, no check, no release."""
