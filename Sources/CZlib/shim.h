// zlib as a module of Swift.
#ifndef SWIFT_MESOS_CZLIB_SHIM_H
#define SWIFT_MESOS_CZLIB_SHIM_H

#include <zlib.h>

// The initializer is a macro.
static inline int swift_mesos_gzip_init(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

#endif
