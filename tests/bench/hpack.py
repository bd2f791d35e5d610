"""Header blocks (RFC 7541), as far as a load needs them: one fixed request, replies of gRPC servers.

grpcio compresses no text with Huffman's code; a block that has some is refused.
"""

# Only these static entries are ever read by value here.
_STATIC = {8: (b":status", b"200")}
_STATIC_ENTRIES = 61
_STATIC_NAMES = {8: b":status", 31: b"content-type", 16: b"accept-encoding"}
_TABLE_BYTES = 4096
_ENTRY_OVERHEAD = 32

Header = tuple[bytes, bytes]


def first_block(path: str, authority: str) -> bytes:
    """The header block of a connection's first call; the table then holds its five texts."""
    return b"".join(
        (
            b"\x83\x86",  # :method POST, :scheme http
            b"\x44" + _text(path.encode()),
            b"\x41" + _text(authority.encode()),
            b"\x40" + _text(b"te") + _text(b"trailers"),
            b"\x5f" + _text(b"application/grpc"),
            b"\x7a" + _text(b"carbon-scaler-bench"),
        )
    )


# Every further call names the same seven by their place.
NEXT_BLOCK = bytes((0x83, 0x86, 0x80 | 66, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62))


class Decoder:
    """Reads a connection's header blocks in order."""

    def __init__(self) -> None:
        self._table: list[Header] = []  # newest first
        self._known: dict[bytes, dict[bytes, bytes]] = {}

    def headers(self, block: bytes) -> dict[bytes, bytes]:
        """The block's headers; a block that changed no table is read once."""
        known = self._known.get(block)
        if known is not None:
            return known
        headers, changed = self._read(block)
        if changed:
            self._known.clear()
        else:
            self._known[block] = headers
        return headers

    def _read(self, block: bytes) -> tuple[dict[bytes, bytes], bool]:
        headers: dict[bytes, bytes] = {}
        changed, at = False, 0
        while at < len(block):
            first = block[at]
            if first & 0x80:
                index, at = _number(block, at, 7)
                name, value = self._entry(index)
            elif first & 0xE0 == 0x20:
                _, at = _number(block, at, 5)
                continue
            else:
                keep = bool(first & 0x40)
                index, at = _number(block, at, 6 if keep else 4)
                if index:
                    name = self._name(index)
                else:
                    name, at = _string(block, at)
                value, at = _string(block, at)
                if keep:
                    self._insert((name, value))
                    changed = True
            headers[name] = value
        return headers, changed

    def _entry(self, index: int) -> Header:
        if index > _STATIC_ENTRIES:
            return self._table[index - _STATIC_ENTRIES - 1]
        return _STATIC.get(index, (b"static %d" % index, b""))

    def _name(self, index: int) -> bytes:
        if index > _STATIC_ENTRIES:
            return self._table[index - _STATIC_ENTRIES - 1][0]
        return _STATIC_NAMES.get(index, b"static %d" % index)

    def _insert(self, header: Header) -> None:
        self._table.insert(0, header)
        while sum(len(n) + len(v) + _ENTRY_OVERHEAD for n, v in self._table) > _TABLE_BYTES:
            self._table.pop()


def _text(raw: bytes) -> bytes:
    return bytes((len(raw),)) + raw


def _number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    shift = 0
    while True:
        value += (block[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not block[at - 1] & 0x80:
            return value, at


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    if block[at] & 0x80:
        raise ValueError("a header in Huffman's code")
    length, at = _number(block, at, 7)
    return block[at : at + length], at + length
