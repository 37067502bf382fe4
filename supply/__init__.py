"""The server's third-party packages: their locks, list, licences and vulnerabilities."""
