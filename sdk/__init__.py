"""The OpenAPI document, the SDKs that are generated from it, and the proof that they work."""
