"""What the server is made of by others: locked, listed, licensed, and audited."""
