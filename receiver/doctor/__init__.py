"""Checks for what in this setup would lose data, admit strangers, or expire soon.

Each check examines one thing and yields a finding for each fault. Most get what was read already;
none of them writes anything.
"""
