"""Devices, dtypes and the array modules that own the memory (NumPy, CuPy).

The only package that may import CuPy, and only once a CUDA device is asked for.
"""
