/* Timers in a row, as core/row.c does it, and with the steps of short pulses (stepper_pulse) in the same loop.
 *
 *     r28:29  the first timer            r18:21  its new clock, later the low half of the next one's
 *     r17     turns until bytes have their turn            r16  how often that is still to be
 *     r22:23  a timer that moves back    r14:15  the one that is first instead
 *
 * Whether a clock has come, ROW_LATE ticks ago at most, is seen from its low half: the port's guard timer is always near (clock.c),
 * so the first timer is less than 2^15 ticks ahead; and one that moved its clock back does not get there: the caller looks at its
 * whole clock first. A pulse lasts from one `st Z, r0` to the other: 45 cycles at least, GPIO_PULSE_TICKS are promised.
 */
#include <avr/io.h>

#include "ports/avr/row.h"

.macro compare_clock base /* flags of r18:21 - the clock of the timer at base */
	ldd r0, \base+TIMER_CLOCK
	cp r18, r0
	ldd r0, \base+TIMER_CLOCK+1
	cpc r19, r0
	ldd r0, \base+TIMER_CLOCK+2
	cpc r20, r0
	ldd r0, \base+TIMER_CLOCK+3
	cpc r21, r0
.endm

.macro compare_next /* flags of the clock of the timer at Z - r18:21 */
	ldd r0, Z+TIMER_CLOCK
	cp r0, r18
	ldd r0, Z+TIMER_CLOCK+1
	cpc r0, r19
	ldd r0, Z+TIMER_CLOCK+2
	cpc r0, r20
	ldd r0, Z+TIMER_CLOCK+3
	cpc r0, r21
.endm

.macro advance /* the clock of the timer at Y by the interval r18:21, which becomes the clock */
	ldd r22, Y+TIMER_CLOCK
	ldd r23, Y+TIMER_CLOCK+1
	ldd r24, Y+TIMER_CLOCK+2
	ldd r25, Y+TIMER_CLOCK+3
	add r18, r22
	adc r19, r23
	adc r20, r24
	adc r21, r25
	std Y+TIMER_CLOCK, r18
	std Y+TIMER_CLOCK+1, r19
	std Y+TIMER_CLOCK+2, r20
	std Y+TIMER_CLOCK+3, r21
.endm

.section .text.row_run, "ax", @progbits
.global row_run
row_run:
	push r14
	push r15
	push r16
	push r17
	push r28
	push r29
	ldi r16, ROW_TURNS / ROW_BREATH
	ldi r17, ROW_BREATH
	lds r28, row_first
	lds r29, row_first+1
	rjmp turn

borrow:
	ldd r25, Y+TRAIN_LEFT+1
	subi r25, 1
	std Y+TRAIN_LEFT+1, r25
	rjmp not_last

perhaps_last:
	ldd r25, Y+TRAIN_LEFT+1
	tst r25
	brne not_last
	movw r24, r28
	call stepper_end_run
	rjmp returned

other:
	movw r24, r28
#ifdef __AVR_HAVE_EIJMP_EICALL__
	eicall
#else
	icall
#endif
returned:
	tst r24
	breq ended
	ldd r18, Y+TIMER_CLOCK
	ldd r19, Y+TIMER_CLOCK+1
	ldd r20, Y+TIMER_CLOCK+2
	ldd r21, Y+TIMER_CLOCK+3
clock_is_any: /* when the timer stays first, the caller looks whether it is late */
	ld r30, Y
	ldd r31, Y+1
	tst r31 /* no timer is at an address below 256 */
	breq 1f
	compare_next
	brpl 1f
	rjmp move_back
1:	rjmp leave

ended:
	ld r30, Y
	ldd r31, Y+1
	sts row_first, r30
	sts row_first+1, r31
	movw r28, r30
	ldd r18, Y+TIMER_CLOCK
	ldd r19, Y+TIMER_CLOCK+1
	rjmp first_is_known

turn:
	ldd r30, Y+TIMER_RUN
	ldd r31, Y+TIMER_RUN+1
	ldi r24, hi8(gs(stepper_pulse))
	cpi r30, lo8(gs(stepper_pulse))
	cpc r31, r24
	brne other

	ldd r30, Y+TRAIN_PINS
	ldd r31, Y+TRAIN_PINS+1
	ldd r0, Y+TRAIN_MASK
	st Z, r0
	ldd r24, Y+TRAIN_LEFT
	subi r24, 1
	std Y+TRAIN_LEFT, r24
	brcs borrow
	breq perhaps_last
not_last:
	ldd r22, Y+TRAIN_ADD
	ldd r23, Y+TRAIN_ADD+1
	ldd r18, Y+TRAIN_INTERVAL
	ldd r19, Y+TRAIN_INTERVAL+1
	ldd r20, Y+TRAIN_INTERVAL+2
	ldd r21, Y+TRAIN_INTERVAL+3
	cp r22, r1
	cpc r23, r1
	brne changing
constant:
	advance
	st Z, r0

again:
	ld r30, Y
	ldd r31, Y+1 /* there is one: the guard is not a stepper's */
	compare_next
	brmi move_back
first_is_known:
	dec r17
	breq breathe
is_due:
	lds r24, TCNT1L
	lds r25, TCNT1H
	sub r24, r18
	sbc r25, r19
	cpi r25, ROW_LATE / 256 /* not due: a negative difference, above it too */
	brlo turn

leave:
	pop r29
	pop r28
	pop r17
	pop r16
	pop r15
	pop r14
	ret

breathe:
	sei
	ldi r17, ROW_BREATH
	cli
	dec r16
	breq leave
	rjmp is_due

/* The next interval is longer by r22:23; when it comes out negative the step was to be before this one. */
changing:
	mov r24, r23
	lsl r24
	sbc r24, r24
	add r18, r22
	adc r19, r23
	adc r20, r24
	adc r21, r24
	std Y+TRAIN_INTERVAL, r18
	std Y+TRAIN_INTERVAL+1, r19
	std Y+TRAIN_INTERVAL+2, r20
	std Y+TRAIN_INTERVAL+3, r21
	brpl constant
	advance
	st Z, r0
	rjmp clock_is_any

/* Find the place of r28:29: Z and Y are in turn the timer before it and the one that may come after it. */
move_back:
	sts row_first, r30
	sts row_first+1, r31
	movw r22, r28
	movw r14, r30
find:
	ld r28, Z
	ldd r29, Z+1
	tst r29
	breq after_z
	compare_clock Y
	brmi after_z
	ld r30, Y
	ldd r31, Y+1
	tst r31
	breq after_y
	compare_clock Z
	brmi after_y
	rjmp find

after_z:
	st Z, r22
	std Z+1, r23
	movw r30, r22
	st Z, r28
	std Z+1, r29
	rjmp placed
after_y:
	st Y, r22
	std Y+1, r23
	movw r28, r22
	st Y, r30
	std Y+1, r31
placed:
	movw r28, r14
	ldd r18, Y+TIMER_CLOCK
	ldd r19, Y+TIMER_CLOCK+1
	rjmp first_is_known
