"""A table in plain text."""


def text(header: list[str], rows: list[list[str]]) -> str:
    """Columns as wide as need be: the first and the last to the left, numbers between them to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    last = len(header) - 1

    def line(cells: list[str]) -> str:
        padded = [
            cell.ljust(width) if at in (0, last) else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip() + "\n"

    return line(header) + "".join(map(line, rows))
