"""What agents and hubs share: the wire format of reports, identities and hashes of content."""
