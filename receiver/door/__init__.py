"""The door: heads, bodies and answers, on uvicorn."""
