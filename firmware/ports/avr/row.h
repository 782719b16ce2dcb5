/* Numbers that row.S shares with the C sources: offsets in struct timer and struct train, which clock.c checks. */
#ifndef AVR_ROW_H
#define AVR_ROW_H
#define TIMER_RUN 2
#define TIMER_CLOCK 4
#define TRAIN_PINS 8
#define TRAIN_MASK 10
#define TRAIN_LEFT 11
#define TRAIN_INTERVAL 13
#define TRAIN_ADD 17

/* Timers of a row before bytes have their turn: a byte is lost after three bytes' time, 1920 cycles at 250000 baud. */
#ifdef __ASSEMBLER__
#define ROW_TURNS 64
#define ROW_BREATH 4
/* Ticks, a multiple of 256: what is about a ms late, or more, is for the caller to see. */
#if F_CPU >= 16000000UL
#define ROW_LATE 0x3e00
#else
#define ROW_LATE 0x1e00
#endif
#endif
#endif
