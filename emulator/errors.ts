/**
 * An error that is the user's to mend: bad input, a missing file, an impossible option. Its message is one line
 * that says what, where and what to do; the command prints it without a stack trace and exits with `exitCode`.
 */
export class UserError extends Error {
  constructor(
    message: string,
    /** 2 for wrong usage or bad input, 1 for a finding or a guest failure. */
    readonly exitCode: 1 | 2 = 2,
  ) {
    super(message);
    this.name = 'UserError';
  }
}
