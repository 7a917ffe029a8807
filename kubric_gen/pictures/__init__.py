"""Pictures for people: colours of layers, sheets, films and portraits."""
