#pragma once
#include <stdint.h>

/// How many blocks the calling thread has asked the heap for since it began, or -1 where that cannot be told.
///
/// Counting works with glibc alone: this library takes the place of `malloc` and its kin for the whole program and hands every
/// request on to glibc's own.
int64_t allocation_count(void);

/// How many bytes of the heap are in use by the whole program, or -1 where that cannot be told.
int64_t heap_bytes_in_use(void);
