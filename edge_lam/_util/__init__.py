"""What all rooms may use: files, paths, sizes, debug lines, texts made safe to show. Imports `errors` alone."""
