"""A front, or one point of it, in the formats of other tools.

export: the file's content; writes it, too.
FORMATS, Format, format_named: the formats by name.
Front, PointOfFront, front_of: what the formats read.
"""

from stream_evo.exports._export import export, export_to_folder
from stream_evo.exports._formats import FORMATS, Format, format_named
from stream_evo.exports._front import Front, PointOfFront, front_of

__all__ = ["FORMATS", "Format", "Front", "PointOfFront", "export", "export_to_folder", "format_named", "front_of"]
