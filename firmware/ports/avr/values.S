/* values_read() of core/values.h. A number of one byte takes 20 cycles, of n bytes 14 + 13 n.
 *
 *     X  the place      Z  the values      r20  how many are left      r22:25  the number
 */
.section .text.values_read, "ax", @progbits
.global values_read
values_read: /* r24:25 place, r22:23 values, r20 count; gives r24:25 */
	movw r26, r24
	movw r30, r22
	tst r20
	breq none
value:
	ld r22, X+
	sbrc r22, 7
	rjmp longer
	mov r19, r22
	andi r19, 0x60
	cpi r19, 0x60
	breq negative
	st Z+, r22
	st Z+, r1
	st Z+, r1
	st Z+, r1
	dec r20
	brne value
none:
	movw r24, r26
	ret

negative:
	ori r22, 0x80
	ldi r23, 0xff
	st Z+, r22
	st Z+, r23
	st Z+, r23
	st Z+, r23
	dec r20
	brne value
	rjmp none

longer:
	mov r19, r22
	andi r22, 0x7f
	ldi r25, 0
	andi r19, 0x60
	cpi r19, 0x60
	brne positive
	ori r22, 0x80
	ldi r25, 0xff
positive:
	mov r24, r25
	mov r23, r25
group: /* r22:25 << 7 | the byte's lower bits: all up by a byte, and down by a bit */
	ld r19, X+
	bst r19, 7
	lsl r19
	lsr r25
	ror r24
	ror r23
	ror r22
	ror r19
	mov r25, r24
	mov r24, r23
	mov r23, r22
	mov r22, r19
	brts group
	st Z+, r22
	st Z+, r23
	st Z+, r24
	st Z+, r25
	dec r20
	brne value
	rjmp none
