"""How Accord is put together: settings, addresses, database roles, timed jobs. Only Django's entry points import it."""
