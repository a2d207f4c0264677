"""Kernels in Triton for the layers of `gru_course.nn`; nothing here is imported before it is used."""
