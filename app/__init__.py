"""The server and its command line; all access to C is in `bindings`."""
