"""Keys agreed inside the parties, and the streams of masks that come from them."""

from fedray.prg.agreement import KEY_BYTES, PrivateKey
from fedray.prg.stream import Stream, public_key

__all__ = ["KEY_BYTES", "PrivateKey", "Stream", "public_key"]
