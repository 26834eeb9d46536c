"""What has moved away from the intent: in the CIB, and on the nodes. Looks, and never writes."""
