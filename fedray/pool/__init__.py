"""The further processes of one party: who they are, what they may be asked to do, and how work is shared with them.

They belong to the party as its own process does: what they are told stays with it. They do only what the table in
`fedray.pool.works` names, with arrays and plain facts.
"""

from fedray.pool.pool import LEAST_ROWS, Alone, Answer, Array, Arrays, Facts, Order, Pool, Shelf
from fedray.pool.sharing import Line, in_order, summed
from fedray.pool.works import carry_out

__all__ = [
    "LEAST_ROWS",
    "Alone",
    "Answer",
    "Array",
    "Arrays",
    "Facts",
    "Line",
    "Order",
    "Pool",
    "Shelf",
    "carry_out",
    "in_order",
    "summed",
]
