/* The command line of klipkit-sim, and the persona it describes. */
#ifndef PORTS_SIM_OPTIONS_H
#define PORTS_SIM_OPTIONS_H
#include "ports/sim/abi.h"

struct options {
    const char *link;           /* the symlink to make */
    const char *edges;          /* file for the edges of output pins, NULL for none */
    struct sim_persona persona;
};

/* Reads the command line; prints what is wrong with it, or the help, and exits when that is all there is to do. The texts of the
 * persona live until the process ends. */
void options_read(struct options *options, int argc, char **argv);

/* One line on stderr, then exit with `status` (2 usage, 3 device). */
_Noreturn void options_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
