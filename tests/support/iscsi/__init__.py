"""iSCSI: initiators and judges."""
