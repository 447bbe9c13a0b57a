"""The downloader's door: how a person signs in to iCloud without the password ever crossing the bus, a log or a file."""
