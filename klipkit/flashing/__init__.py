"""Floor 5: putting firmware on boards, one file a method, and seeing that it runs."""
