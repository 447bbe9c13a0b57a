"""The command line for people: it asks and orders; what it changes, the state service changes."""
