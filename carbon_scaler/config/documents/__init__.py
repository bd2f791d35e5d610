"""The policy documents, one module each: text becomes values of the core."""
