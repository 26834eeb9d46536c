"""What IscsiGateway is made of: values, the kernel's target (LIO) and the daemon tgtd."""
