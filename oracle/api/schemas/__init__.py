"""What goes over the wire, one module per resource; pydantic stays in this room."""
