"""Documents made for the tests: PDFs with text, without, encrypted and malformed."""

import io
import zlib
from collections.abc import Sequence

from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, EncodedStreamObject, NameObject, StreamObject


def pdf(
    pages: Sequence[Sequence[str]],
    password: str | None = None,
    *,
    owner_password: str | None = None,
    algorithm: str = "AES-256",
) -> bytes:
    """A PDF with these lines of text on its pages; a page without lines is blank.

    With ``owner_password`` and an empty ``password`` it opens for everybody.
    """
    writer = PdfWriter()
    fonts = _fonts(writer)
    for lines in pages:
        page = writer.add_blank_page(595, 842)
        if lines:
            shown = " ".join(f"({line}) Tj T*" for line in lines)
            stream = StreamObject()
            stream.set_data(f"BT /F1 10 Tf 12 TL 50 800 Td {shown} ET".encode())
            page[NameObject("/Contents")] = writer._add_object(stream)
            page[NameObject("/Resources")] = fonts
    if password is not None:
        writer.encrypt(password, owner_password, algorithm=algorithm)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def bomb_pdf(size: int) -> bytes:
    """A PDF whose one page unpacks to ``size`` bytes."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(size >> 20))
    content = EncodedStreamObject()
    content._data = packed + packer.flush()
    content[NameObject("/Filter")] = NameObject("/FlateDecode")
    writer = PdfWriter()
    page = writer.add_blank_page(595, 842)
    page[NameObject("/Contents")] = writer._add_object(content)
    page[NameObject("/Resources")] = _fonts(writer)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def nested_pdf(depth: int = 20_000) -> bytes:
    """A PDF whose catalogue holds an array in an array, ``depth`` deep."""
    body = b"[" * depth + b"]" * depth
    objects = [
        b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R /Odd " + body + b" >>\nendobj\n",
        b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n",
    ]
    data = b"%PDF-1.4\n"
    offsets = []
    for item in objects:
        offsets.append(len(data))
        data += item
    start = len(data)
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        data
        + b"xref\n0 3\n0000000000 65535 f \n"
        + rows
        + b"trailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n"
        + str(start).encode()
        + b"\n%%EOF\n"
    )


def _fonts(writer: PdfWriter) -> DictionaryObject:
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    named = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    return DictionaryObject({NameObject("/Font"): named})
