"""How parties talk: frames, seals, a mailbox, costs; the same meaning over every transport."""

from fedray.channel.channel import Channel, Observer, Send, Timeouts, task_id
from fedray.channel.codec import Array, Frame
from fedray.channel.mailbox import Mailbox
from fedray.channel.reveals import RevealLog

__all__ = ["Array", "Channel", "Frame", "Mailbox", "Observer", "RevealLog", "Send", "Timeouts", "task_id"]
