"""The terminal: one file per command, each a thin door to the runtime. Holds no logic another door would need."""
