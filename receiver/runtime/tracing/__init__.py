"""Traces: one notification's way as OpenTelemetry spans. Off unless the environment asks for it."""
