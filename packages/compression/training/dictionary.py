"""Makes a zstd dictionary of a given content with libzstd itself (zdict.h), which the zstd program cannot."""

import ctypes
import ctypes.util

LEVEL = 19


class Parameters(ctypes.Structure):
    _fields_ = [("level", ctypes.c_int), ("notify", ctypes.c_uint), ("dictionary_id", ctypes.c_uint)]


library = ctypes.CDLL(ctypes.util.find_library("zstd"))
library.ZDICT_finalizeDictionary.restype = ctypes.c_size_t
library.ZDICT_finalizeDictionary.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
    ctypes.c_char_p, ctypes.POINTER(ctypes.c_size_t), ctypes.c_uint, Parameters,
]
library.ZDICT_getDictHeaderSize.restype = ctypes.c_size_t
library.ZDICT_getDictHeaderSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def finalize(content, samples, dictionary_id):
    """The dictionary with this content whose entropy tables fit what these samples leave over."""
    capacity = len(content) + 4096
    target = ctypes.create_string_buffer(capacity)
    sizes = (ctypes.c_size_t * len(samples))(*map(len, samples))
    parameters = Parameters(LEVEL, 0, dictionary_id)
    size = library.ZDICT_finalizeDictionary(
        target, capacity, content, len(content), b"".join(samples), sizes, len(samples), parameters
    )
    if size > capacity:
        raise RuntimeError(f"libzstd refuses the dictionary: error {2**64 - size}")
    return target.raw[:size]


def header_of(dictionary):
    return dictionary[: library.ZDICT_getDictHeaderSize(dictionary, len(dictionary))]


def build(known, unknown_samples, whole, dictionary_id):
    """Dictionary with the content `whole`. Its tables are those of samples the smaller content `known` does not
    contain: tables fitted to sentences of the dictionary itself would expect digits, and texts to come have words."""
    return header_of(finalize(known, unknown_samples, dictionary_id)) + whole
