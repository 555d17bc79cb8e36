/* Start-up in the object window of Xtwz. */
#define OBJECT_WINDOW
#include "start-user.S"
