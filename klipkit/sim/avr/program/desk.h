/* What surrounds the chip in the program: levels and voltages on its pins, the wire, and notes of what it does. */
#ifndef KLIPKIT_SIM_AVR_DESK_H
#define KLIPKIT_SIM_AVR_DESK_H
#include "../chip.h"

enum { DESK_PINS = 128, RESETS_MOST = 64 };

struct edge {
    uint64_t cycle;
    uint8_t pin;
    bool level;
};

/* A pin is numbered port * 8 + bit. */
struct desk_pin {
    uint8_t mode, latch, level;
    int8_t driven;     /* level from outside, -1 for none */
    bool watched;
    uint32_t analog;   /* what a conversion gives */
    uint64_t rising, falling;
};

struct bytes {
    uint8_t *data;
    size_t begin, end, room;
};

struct desk {
    struct chip *chip;
    struct emulator_host host;
    struct sim_persona persona;
    struct desk_pin pins[DESK_PINS];
    uint64_t wire_cycles;              /* of a byte as the host sends */
    struct bytes received, sent;       /* of the wire: to the chip, from the chip */
    uint64_t arrives;                  /* cycle at which the next byte to the chip is through, while there is one */
    uint64_t sent_until;               /* the last byte from the chip is through */
    bool until_byte, keep_edges;
    struct edge *edges;
    size_t edge_count, edge_room;
    uint64_t resets[RESETS_MOST];
    size_t reset_count;
};

/* A chip on a desk; false with a message when there is none such. */
bool desk_set_up(struct desk *desk, const char *chip, uint32_t frequency, const char *elf, uint32_t baud);

/* Run to `cycle`, or until the chip began to send a byte when `until_byte`. False when the CPU has stopped for good. */
bool desk_run(struct desk *desk, uint64_t cycle, bool until_byte);

/* Bytes begin to go on the wire to the chip. */
void desk_send(struct desk *desk, const uint8_t *bytes, size_t count);

/* Pins are named "PA0". Give false when there is none such. */
bool desk_watch(struct desk *desk, const char *name);
bool desk_drive(struct desk *desk, const char *name, bool level);
bool desk_set_adc(struct desk *desk, unsigned channel, unsigned millivolts);
const char *desk_pin_name(uint8_t pin);
#endif
