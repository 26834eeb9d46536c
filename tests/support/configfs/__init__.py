"""Models of configfs, in user space and compared with the kernel."""
