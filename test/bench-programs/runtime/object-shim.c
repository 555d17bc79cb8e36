/* The supervisor in the supervisor window of Xtwz, where the devices are as well. */
#define DEVICE_WINDOW 0xffff800000000000ul
#include "shim.c"
