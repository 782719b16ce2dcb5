/* What the files of this port share: the surroundings and the persona given at start. */
#ifndef PORTS_SIM_SURROUNDINGS_H
#define PORTS_SIM_SURROUNDINGS_H
#include "ports/sim/abi.h"

extern const struct sim_host *sim_host;
extern const struct sim_persona *sim_persona;

/* Compose the data dictionary of the persona. */
void sim_dictionary_start(void);
#endif
