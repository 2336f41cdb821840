"""JSON Schema: what people write becomes what a grammar holds and a check verifies. Knows no tool, model or format."""
