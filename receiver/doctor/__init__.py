"""What in this setup would lose data, let somebody in, or expire soon.

Each check looks at one thing and says nothing when it is well. They are told what was read; none of
them writes anything anywhere.
"""

from receiver.doctor.finding import Finding, Severity

__all__ = ["Finding", "Severity"]
