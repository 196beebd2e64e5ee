"""The messages of ``task.Task``: our .proto files, and what ``scripts/proto`` makes of them."""
