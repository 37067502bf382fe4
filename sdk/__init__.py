"""The OpenAPI document, the SDKs generated from it, and tests of these SDKs."""
