"""What the storage gateways share."""
