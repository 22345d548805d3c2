"""Reading a topic without a Python object a message: compiled, imported by who asks for it."""
