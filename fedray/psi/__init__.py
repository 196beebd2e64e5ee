"""Alignment: the common ids of all data clients, in one order that reveals nothing."""
