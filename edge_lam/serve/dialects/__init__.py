"""The APIs that the server speaks, a file each, which reads a request and writes what answers it. Nothing else does."""
