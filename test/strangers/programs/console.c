/* picolibc's standard streams on the UART. */
#include <stdio.h>

static int put(char c, FILE *stream) {
  (void)stream;
  *(volatile unsigned char *)0x10000000 = c;
  return (unsigned char)c;
}

static FILE uart = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdin = &uart;
FILE *const stdout = &uart;
FILE *const stderr = &uart;
