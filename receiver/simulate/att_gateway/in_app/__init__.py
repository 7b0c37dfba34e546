"""In-App Messaging v2, and the notifications that are its push alternative."""
