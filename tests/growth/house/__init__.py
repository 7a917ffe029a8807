"""A dataset that lives in the tests alone: its world, layer, schema and sink, of which nothing else in the tree knows a name."""
