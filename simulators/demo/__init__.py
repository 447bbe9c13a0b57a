"""The whole product against a simulated Apple and phone, proven from the outside; it never touches a person's photos."""
