/**
 * Signals: one thread's call to another (SYS_SIGNAL), or the console's to the threads in its foreground. A signal is a
 * FAULT_SIGNAL upcall (`detail` = number, `info0` = the sender's word) if the thread's view has a fault handler that does not mask it; else its
 * default happens. Numbers are Unix's; those without a name here end the thread, too. docs/kernel.md, Signals.
 */

/** Ctrl-C. */
export const SIGNAL_INTERRUPT = 2;
/** Ctrl-\. */
export const SIGNAL_QUIT = 3;
/** Ends the thread; no handler sees it. */
export const SIGNAL_KILL = 9;
/** Written to a pipe that nobody reads any more. */
export const SIGNAL_PIPE = 13;
export const SIGNAL_TERMINATE = 15;
/** Goes on after a stop; no handler sees it. By default nothing. */
export const SIGNAL_CONTINUE = 18;
/** Stops the thread until SIGNAL_CONTINUE; no handler sees it. */
export const SIGNAL_STOP = 19;
/** Ctrl-Z: stops the thread unless a handler takes it. */
export const SIGNAL_KEYBOARD_STOP = 20;
/** The console's size has changed. By default nothing. */
export const SIGNAL_WINDOW = 28;
/** Numbers are below this; 0 is none, and asks only whether the thread may be signalled. */
export const SIGNALS = 64;

/** SYS_SIGNAL flags (a4): a0 is a group's number, and every thread of the group that the caller may signal gets the signal. */
export const SIGNAL_TO_GROUP = 1;

/** Exit codes that the kernel gives: 128 + signal, as Unix's shells have it, and 192 + fault (abi/fault.ts). */
export const EXIT_SIGNAL = 128;
export const EXIT_FAULT = 192;
