"""Protocols on additive shares in Z_2^64. A function that takes a `Session` talks; one that does not is local."""

from fedray.mpc.session import Round, Session
from fedray.mpc.share import Share

__all__ = ["Round", "Session", "Share"]
