"""JSON Schemas of the files that users write, made from what the readers of those files ask for.

Names:
    SCHEMAS: name of each schema -> what files it is for.
    schema: a schema as a value.
    schema_file: where a schema lies as a file, for editors.

Every schema is also in this folder as ``NAME.schema.json``, written by ``stream-evo schema --out stream_evo/schemas``; a test holds these
files to the readers. The files in ``examples/`` hold every key there is; their comments are the descriptions that editors show.
"""

from stream_evo.schemas._build import SCHEMAS, schema, schema_file

__all__ = ["SCHEMAS", "schema", "schema_file"]
