/* A small zlib packer (RFC 1950, RFC 1951: one block of fixed Huffman codes), so that the simulator needs no library. */
#ifndef PORTS_SIM_DEFLATE_H
#define PORTS_SIM_DEFLATE_H
#include <stddef.h>
#include <stdint.h>

/* The zlib stream of `count` bytes, owned by the caller (free); NULL when there is no memory. */
uint8_t *zlib_pack(const uint8_t *bytes, size_t count, size_t *packed);
#endif
