"""`/hosts`: the hosts of the fleet, and how current what the hub knows of each is."""
