/* The interrupt of a received byte: console_byte() of core/console.h in the fewest cycles. */
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
RECEIVED_vect:
	push r24
	in r24, _SFR_IO_ADDR(SREG)
	push r24
	push r30
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
	pop r30
	pop r24
	out _SFR_IO_ADDR(SREG), r24
	pop r24
	reti
