"""What a party allows to be done with its data: its own policy, approvals of its data owner, daily limits."""
