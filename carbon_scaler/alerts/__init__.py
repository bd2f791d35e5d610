"""Where alerts go: webhooks and everything that Apprise reaches."""
