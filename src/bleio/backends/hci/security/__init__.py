"""Security: pairing, encryption, signatures, and what a link is trusted with."""
