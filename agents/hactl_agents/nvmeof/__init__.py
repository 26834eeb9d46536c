"""What NvmeofGateway is made of: the kernel's NVMe target, spoken to through configfs."""
