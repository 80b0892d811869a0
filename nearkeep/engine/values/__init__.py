"""The data types: one file each, the structure and its encoding. They know no commands."""
