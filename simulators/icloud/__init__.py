"""A stand-in for iCloud Photos that speaks Apple's protocol; it never reaches Apple."""
