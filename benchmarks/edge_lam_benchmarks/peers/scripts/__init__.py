"""What runs in the processes of peers; each file is a script of its own."""
