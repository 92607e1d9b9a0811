"""Loading datasets by name; what the cache lacks is downloaded. A module each, so that a run imports what it reads."""
