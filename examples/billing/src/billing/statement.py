"""An invoice as text for a terminal or a letter."""

from billing.invoice import Invoice
from billing.money import Money

_WIDTH = 56


def render(invoice: Invoice) -> str:
    """The invoice as lines of at most 56 characters."""
    rows = [f"Invoice {invoice.number} ({invoice.country})", "-" * _WIDTH]
    for line in invoice.lines:
        rows.append(_row(f"{line.item.count} x {line.item.title}", line.item.price))
        if line.discount.cents:
            rows.append(_row("  discount", -line.discount))
    rows.append("-" * _WIDTH)
    rows += [_row("Net", invoice.net), _row("Tax", invoice.tax), _row("To pay", invoice.gross)]
    return "\n".join(rows) + "\n"


def _row(title: str, amount: Money) -> str:
    text = str(amount)
    room = _WIDTH - len(text) - 1
    return f"{title[:room]:<{room}} {text}"
