/* Received bytes in the fewest cycles: console_byte() of core/console.h, their interrupt, and crc16_copy() of core/crc16.h. */
#include <avr/io.h>

#ifdef USART0_RX_vect
#define RECEIVED_vect USART0_RX_vect
#define DATA UDR0
#elif defined(USART_RX_vect)
#define RECEIVED_vect USART_RX_vect
#define DATA UDR0
#else
#define RECEIVED_vect USART1_RX_vect
#define DATA UDR1
#endif

.section .text.receive, "ax", @progbits
.global RECEIVED_vect
RECEIVED_vect: /* interrupts do not nest: the general purpose registers keep what a push would, in half the time */
	out _SFR_IO_ADDR(GPIOR0), r24
	in r24, _SFR_IO_ADDR(SREG)
	out _SFR_IO_ADDR(GPIOR1), r24
	out _SFR_IO_ADDR(GPIOR2), r30
	push r31
	lds r24, DATA
	lds r30, console_head
	lds r31, console_tail
	com r31
	add r31, r30 /* head - tail - 1 */
	cpi r31, RECEIVE_RING - 2
	breq wake /* RECEIVE_RING - 1 bytes are in the ring */
#if RECEIVE_RING < 256
	mov r31, r30
	inc r31
	sts console_head, r31
	andi r30, RECEIVE_RING - 1
#else
	inc r30
	sts console_head, r30
	dec r30
#endif
	ldi r31, 0
	subi r30, lo8(-(console_ring))
	sbci r31, hi8(-(console_ring))
	st Z, r24
	cpi r24, 0x7e
	brne done
wake:
	ldi r24, 1
	sts sched_woken, r24
done:
	pop r31
	in r30, _SFR_IO_ADDR(GPIOR2)
	in r24, _SFR_IO_ADDR(GPIOR1)
	out _SFR_IO_ADDR(SREG), r24
	in r24, _SFR_IO_ADDR(GPIOR0)
	reti

#if RECEIVE_RING == 256 /* the others, of chips whose flash is full, have it in crc16.c */

/* Remainder of each byte under the reflected polynomial 0x8408: lower bytes, then upper bytes. */
.macro remainders shift
	.set byte, 0
	.rept 256
	.set crc, byte
	.rept 8
	.set crc, (crc >> 1) ^ (0x8408 & -(crc & 1))
	.endr
	.byte (crc >> \shift) & 0xff
	.set byte, byte + 1
	.endr
.endm

/* The linker puts this section right behind the vectors: below 64 KB, as lpm needs, and with the least lost to the alignment. */
.section .progmem.gcc.crc16, "a", @progbits
.balign 256
table:
	remainders 0
	remainders 8

/* 19 cycles a byte:  X  the ring   Y  the copy   Z  the table   r24:25  the checksum   r22  bytes left   r23  to the ring's end */
.section .text.crc16_copy, "ax", @progbits
.global crc16_copy
crc16_copy: /* r24:25 copy, r22 count; gives r24:25 */
	push r28
	push r29
	movw r28, r24
	lds r26, console_tail
	mov r23, r26
	neg r23
	ldi r27, 0
	subi r26, lo8(-(console_ring))
	sbci r27, hi8(-(console_ring))
	ldi r24, 0xff
	ldi r25, 0xff
next:
	ld r30, X+
	st Y+, r30
	eor r30, r24
	ldi r31, hi8(table)
	lpm r24, Z
	eor r24, r25
	inc r31
	lpm r25, Z
	dec r23
	breq wrap
wrapped:
	dec r22
	brne next
	pop r29
	pop r28
	ret
wrap:
	dec r27
	rjmp wrapped
#endif
