#pragma once

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

// The options take variable arguments, which Swift cannot call.

static inline void cyajl_gen_validate_utf8(yajl_gen generator) {
  yajl_gen_config(generator, yajl_gen_validate_utf8, 1);
}

static inline void cyajl_allow_comments(yajl_handle parser) {
  yajl_config(parser, yajl_allow_comments, 1);
}
