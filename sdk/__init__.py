"""The OpenAPI document, the SDKs generated from it, and the proof that they work."""
