"""The native engine: the functions of the NumPy reference, in C++. Optional; docs/engine.md."""
