"""What a drill leaves in the CIB and reads back."""
