"""What is published, described for programs: JSON Schema, AsyncAPI, the web hooks of OpenAPI."""
