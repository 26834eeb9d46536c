"""What is wrong with a well-formed topology as a whole: each rule in a file of its own."""
