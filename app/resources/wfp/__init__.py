"""WFP structures that several resources share: their schemas and encodings."""
