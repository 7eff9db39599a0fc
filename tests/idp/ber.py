"""The part of BER that LDAP uses: definite lengths, low tag numbers. Values are (tag, bytes) pairs."""


class BerError(ValueError):
    """Bytes that are no BER of this kind."""


def tlv(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value, tag=0x02):
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def string(value, tag=0x04):
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def sequence(*parts, tag=0x30):
    return tlv(tag, b"".join(parts))


def header(data, at=0):
    """The tag at AT, and where its content starts and ends; None if DATA does not hold all of the header."""
    if len(data) < at + 2:
        return None
    length, start = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise BerError("length")
        if len(data) < start + size:
            return None
        length, start = int.from_bytes(data[start:start + size], "big"), start + size
    return data[at], start, start + length


def items(data):
    """The elements of a constructed value."""
    found, at = [], 0
    while at < len(data):
        head = header(data, at)
        if not head or head[2] > len(data):
            raise BerError("truncated")
        found.append((head[0], data[head[1]:head[2]]))
        at = head[2]
    return found


def number(content):
    return int.from_bytes(content, "big", signed=True)
